#!/usr/bin/env bash
# Sends a test message through Debian's Postfix, with STARTTLS and a password, and checks that the mail arrives:
#
#   tests/blackbox/notification_channels/postfix.sh CHECKER
#
# The packages are downloaded with apt-get and unpacked into a temporary folder, so nothing is installed. The script needs
# root, because Postfix runs its programs as different users. Therefore, it is not part of the test suite.
set -euo pipefail

readonly PACKAGES=(postfix sasl2-bin libsasl2-2 libsasl2-modules libsasl2-modules-db libicu72 libnsl2)
readonly PASSWORD=corr3ct-h0rse

main() {
    [[ $# == 1 ]] || stop "usage: ${0##*/} CHECKER"
    [[ $(id -u) == 0 ]] || stop "run this script as root: Postfix runs its programs as different users"
    checker=$(realpath "$1")
    folder=$(mktemp -d)
    trap clean_up EXIT
    chmod 755 "$folder"
    unpack_packages
    create_certificate
    port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    configure
    postfix start || stop "Postfix did not start: $(<"$folder/start.log")"
    expect_refusal
    expect_mail
    echo "Postfix accepted the login and delivered the mail."
}

stop() {
    echo "$1" >&2
    exit 1
}

clean_up() {
    [[ ! -e $folder/etc/main.cf ]] || postfix stop || true
    rm -rf "$folder"
}

unpack_packages() {
    local package
    mkdir "$folder/root" "$folder/packages"
    (cd "$folder/packages" && apt-get -o APT::Sandbox::User=root download -qq "${PACKAGES[@]}")
    for package in "$folder"/packages/*.deb; do
        dpkg-deb -x "$package" "$folder/root"
    done
    libraries=$folder/root/usr/lib/postfix:$(dirname "$(find "$folder/root/usr/lib" -name 'libsasl2.so.2')")
    plugins=${libraries##*:}/sasl2
}

# Runs a program from the packages.
packaged() {
    local program=$1
    shift
    LD_LIBRARY_PATH=$libraries SASL_PATH=$plugins "$folder/root/usr/sbin/$program" "$@"
}

# Postfix reports on standard error that its programs do not belong to its own users, which does not matter here.
postfix() {
    packaged postfix -c "$folder/etc" "$@" 2>>"$folder/start.log"
}

create_certificate() {
    mkdir "$folder/etc"
    cd "$folder/etc"
    openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj "/CN=Test authority" -keyout authority.key -out authority.pem
    openssl req -newkey rsa:2048 -nodes -subj /CN=localhost -keyout key.pem -out request.pem
    openssl x509 -req -in request.pem -days 2 -CA authority.pem -CAkey authority.key -CAcreateserial -out certificate.pem \
        -extfile <(echo "subjectAltName=DNS:localhost")
} 2>>"$folder/start.log"

configure() {
    mkdir -p "$folder"/{etc/sasl,queue,data,mail}
    cp "$folder/root/etc/postfix/postfix-files" "$folder/etc/"
    cat >"$folder/etc/main.cf" <<END
compatibility_level = 3.6
command_directory = $folder/root/usr/sbin
daemon_directory = $folder/root/usr/lib/postfix/sbin
shlib_directory = $folder/root/usr/lib/postfix
meta_directory = $folder/etc
queue_directory = $folder/queue
data_directory = $folder/data
import_environment = MAIL_CONFIG LANG=C LD_LIBRARY_PATH=$libraries SASL_PATH=$plugins
maillog_file = $folder/mail.log
maillog_file_prefixes = $folder
mail_owner = daemon
setgid_group = mail
default_privs = games
myhostname = mail.example.com
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
alias_maps =
alias_database =
mydestination =
mynetworks =
virtual_mailbox_domains = example.com
virtual_mailbox_base = $folder/mail
virtual_mailbox_maps = static:box/
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
smtpd_tls_security_level = encrypt
smtpd_tls_cert_file = $folder/etc/certificate.pem
smtpd_tls_key_file = $folder/etc/key.pem
smtpd_sasl_auth_enable = yes
smtpd_sasl_path = smtpd
smtpd_relay_restrictions = permit_sasl_authenticated,reject
smtpd_recipient_restrictions = permit_sasl_authenticated,reject
END
    cat >"$folder/etc/master.cf" <<END
127.0.0.1:$port inet n - n - - smtpd
postlog unix-dgram n - n - 1 postlogd
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
proxymap unix - - n - - proxymap
error unix - - n - - error
retry unix - - n - - error
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
END
    cat >"$folder/etc/sasl/smtpd.conf" <<END
pwcheck_method: auxprop
auxprop_plugin: sasldb
mech_list: PLAIN LOGIN
sasldb_path: $folder/etc/sasl/users
END
    printf '%s' "$PASSWORD" | packaged saslpasswd2 -p -c -f "$folder/etc/sasl/users" -u example.com status
    chown daemon "$folder/etc/sasl/users" "$folder/data"
    chown 65534 "$folder/mail"
}

# send_test_message PASSWORD
send_test_message() {
    cat >"$folder/checker.json" <<END
{
  "checkers": [{ "type": "http", "endpoint_name": "Shop", "endpoint_url": "http://127.0.0.1:9/" }],
  "storage": { "type": "fs", "dir": "$folder/checks" },
  "notifiers": [{
    "type": "mail", "from": "Status <status@example.com>", "to": ["ops@example.com"],
    "smtp": {
      "server": "localhost", "port": $port, "encryption": "starttls", "username": "status@example.com", "password": "$1"
    }
  }]
}
END
    SSL_CERT_FILE=$folder/etc/authority.pem "$checker" notify test -c "$folder/checker.json"
}

expect_refusal() {
    local output
    if output=$(send_test_message wrong 2>&1); then
        stop "Postfix accepted a wrong password: $output"
    fi
    [[ $output == *"(status 535)"* ]] || stop "unexpected output: $output"
    [[ $output != *wrong* ]] || stop "the password is in the output: $output"
}

expect_mail() {
    local file='' tries
    send_test_message "$PASSWORD" || stop "Postfix did not accept the message: $(<"$folder/mail.log")"
    for ((tries = 0; tries < 300; tries++)); do
        file=$(find "$folder/mail" -path '*/new/*' -type f)
        [[ -z $file ]] || break
        sleep 0.1
    done
    [[ -n $file ]] || stop "the mail did not arrive: $(<"$folder/mail.log")"
    grep -q '^Auto-Submitted: auto-generated' "$file" || stop "unexpected mail: $(<"$file")"
    grep -q '^Received: .*' "$file" || stop "unexpected mail: $(<"$file")"
    grep -q 'sasl_method=PLAIN, sasl_username=status@example.com' "$folder/mail.log" \
        || stop "Postfix did not check the password: $(<"$folder/mail.log")"
}

main "$@"
