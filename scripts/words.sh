#!/usr/bin/env bash
# Finds phrases that docs/style.md avoids, and counts them by folder:
#
#   scripts/words.sh [--list] [PATH]...
#
# --list also prints each phrase with its file and line. scripts/words-allowed.txt lists the exceptions, one per line: a
# path, a tab, and the part of the line that is allowed. Exits with 1 if it finds any other phrase.
#
# Identifiers are split into words: `NodeLooks` and `node_looks` are both read as "node looks".
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

list=''
if [[ ${1:-} == --list ]]; then
    list=1
    shift
fi

# Each line contains the name to report, a tab, and a Perl pattern. Patterns match whole words and ignore case.
phrases() {
    cat <<'PHRASES'
reckon	reckon(s|ed|er|ers|ing|ings)?
tell	tell(s|ing|er)?|told|untold
say	say(s|ing)?|said
look	look(s|ed|ing)? at|looked(?! up)|(?<!to )(?<!and )looks?(?! up)
stand	stand(s|ing|ings)?(?! by\b)|stood
mend	mend(s|ed|ing)?
anew	anew
for ever	for ever
besides	besides
of its own	of (its|their|our|your|his|one's) own
in hand	(in|at) hand
under way	under ?way
whoever	whoever|whomever
nobody, somebody	nobody|somebody
what is X is Y	what (is|was|are|were|has|have|can|cannot|comes|could|will) [^.?!;:|]{0,60}? (is|are|was|were|has|have|does|do|goes|stays)
is no X, is none	(?<!there )(?<!where )(is|are|was|were) no (?!(longer|more|less|later|earlier|larger|smaller) )|(?<!option::)(is|are|was|were) none(?! or\b)(?![()])
of X only Y	of (a|an|the|its|their|all|these|those) [\w-]+ only
as it is	(?<!soon )(?<!long )(?<!far )as (it is|they are)(?=[,.;:)]|$)|as ever|all the same
so many	(so|very) many
break off	(break|breaks|broke|broken|breaking) off
place	(?<!in )(?<!in the )(?<!decimal )(?<!take )(?<!takes )(?<!in many )places?
has to be	(has|have|had|having) to be
PHRASES
}

# All text files except third-party files, translations and files that contain the list itself.
git grep -zIl '' -- "${@:-.}" ':!*.lock' ':!LICENSE' ':!*.svg' ':!*.snap' ':!fuzz/corpus' ':!shared/golden' \
    ':!*/proptest-regressions' ':!statuspage/locales/[!e]*' ':!statuspage/locales/es.txt' ':!docs/style.md' \
    ':!scripts/words*' ':(exclude)_typos.toml' \
    | LIST=$list PHRASES=$(phrases) perl -e '
        use strict; use warnings;
        my @phrases = map { my ($name, $pattern) = split /\t/; [$name, qr/(?<![a-z])(?:$pattern)(?![a-z])/i] }
            split /\n/, $ENV{PHRASES};
        my (%allowed, %folders, %names, $hits);
        if (open my $file, "<", "scripts/words-allowed.txt") {
            while (<$file>) { chomp; my ($path, $text) = split /\t/; push @{$allowed{$path}}, $text if defined $text }
        }
        for my $path (split /\0/, do { local $/; <STDIN> }) {
            open my $file, "<", $path or die "words: cannot open `$path`: $!\n";
            while (my $line = <$file>) {
                chomp $line;
                next if grep { index($line, $_) >= 0 } @{$allowed{$path} // []};
                (my $words = $line) =~ s/(?<=[a-z0-9])(?=[A-Z])|_/ /g;
                for (@phrases) {
                    my ($name, $pattern) = @$_;
                    while ($words =~ /$pattern/g) {
                        print "$path:$.: $name: $line\n" if $ENV{LIST};
                        my @folders = split m{/}, $path;
                        pop @folders;
                        $folders{join("/", @folders[0 .. ($#folders > 2 ? 2 : $#folders)]) || "."}++;
                        $names{$name}++;
                        $hits++;
                    }
                }
            }
        }
        exit unless $hits;
        printf "%6d  %s\n", $names{$_}, $_ for sort { $names{$b} <=> $names{$a} || $a cmp $b } keys %names;
        print "\n";
        printf "%6d  %s\n", $folders{$_}, $_ for sort keys %folders;
        print "\nwords: $hits phrases to rewrite; `scripts/words.sh --list PATH` shows them\n";
        exit 1;
    '
