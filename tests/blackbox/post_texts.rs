//! Tests where the texts of posts come from, which texts are refused, who sees messages, and how they end.

use serde_json::{Value, json};
use shared::check_file::CheckFile;
use shared::civil::rfc3339;
use shared::{DAY, UnixNanos};
use support::browser::Browser;
use support::checker::{Checker, Run};
use support::configuration::{check, directory, watching};
use support::page::{self, Page};
use support::{now, page_directory};

use super::incidents::{checker_of, fail, incidents, succeed};

/// Opens an incident on a terminal with this script as the editor.
async fn open_with_editor(checker: &Checker, editor: &str) -> Run {
    checker.write("editor.sh", editor);
    let words = ["incident", "open", "Checkout fails"];
    let prepare = |command: &mut std::process::Command| _ = command.env_remove("VISUAL").env("EDITOR", "sh editor.sh");
    checker.call_on_terminal_with(&words, prepare).await
}

#[tokio::test]
async fn a_text_is_written_in_an_editor_on_a_terminal() {
    let (checker, _shop) = checker_of(&directory()).await;
    let editor = "test -t 0 && test -t 1 || exit 7\ncp \"$1\" draft.html\n\
                  printf 'We <b>know</b>.\\n# not this\\n' > \"$1\"\n";
    let run = open_with_editor(&checker, editor).await;
    assert!(run.code == 0 && run.stdout.contains("opened the incident `"), "{}", run.output());
    assert_eq!(incidents(&checker).await[0]["updates"][0]["text"], "We <b>know</b>.");
    let draft = std::fs::read_to_string(checker.path("draft.html")).expect("a draft");
    assert!(draft.starts_with("\n# Write the text above, as HTML."), "{draft}");
}

#[tokio::test]
async fn an_editor_without_a_text_posts_nothing() {
    let (checker, _shop) = checker_of(&directory()).await;
    for (editor, expected) in [
        ("true", "canceled: the text is empty"),
        ("printf ' \\n' > \"$1\"", "canceled: the text is empty"),
        ("printf '<b> </b>' > \"$1\"", "the text is empty"),
        ("printf 'We know.' > \"$1\"; exit 1", "canceled: the editor `sh editor.sh` failed"),
        ("rm \"$1\"", "failed to read the text"),
    ] {
        let run = open_with_editor(&checker, editor).await;
        assert!(run.code == 2 && run.stdout.contains(expected), "{editor}: {}", run.output());
    }
    assert!(!checker.path("checks/0-posts").exists());
}

#[tokio::test]
async fn invisible_texts_and_those_that_control_terminals_are_refused() {
    let (checker, _shop) = checker_of(&directory()).await;
    for (name, content) in [
        ("empty.html", &b""[..]),
        ("mark.html", "\u{feff}\n".as_bytes()),
        ("escape.html", b"We \x1b[2Jknow."),
        ("null.html", b"We \0know."),
        ("bytes.html", b"We \xff know."),
    ] {
        std::fs::write(checker.path(name), content).expect("the file can be written");
    }
    let open = ["incident", "open", "Checkout fails"];
    for (text, expected) in [
        (["--text", ""], "the text is empty: pass some"),
        (["--text", "<b></b>"], "the text is empty"),
        (["--text", "\u{200b}"], "the text is empty"),
        (["--text", "We \u{1b}[2Jknow."], "the text contains the control character U+001B"),
        (["--file", "empty.html"], "the text is empty"),
        (["--file", "mark.html"], "the text is empty"),
        (["--file", "escape.html"], "the text contains the control character U+001B"),
        (["--file", "null.html"], "the text contains the control character U+0000"),
        (["--file", "bytes.html"], "failed to read the text"),
    ] {
        fail(&checker, &[&open[..], &text].concat(), expected).await;
    }
    fail(&checker, &["silence", "Shop", "--for", "1h", "--why", "<b></b>"], "the text is empty").await;
    fail(&checker, &["run", "--message", "\u{200b}"], "the message is empty").await;
    fail(&checker, &["run", "--message", "We \u{1b}know."], "the control character U+001B").await;
    fail(&checker, &["run", "--message", "We know.", "--until", "2126-01-01 10:00"], "is more than 366d in the future")
        .await;
    let piped = checker.call_typing(&[&open[..], &["--file", "-"]].concat(), &"x".repeat(2 << 20), |_| {}).await;
    assert!(piped.code == 2 && piped.stderr.contains("the text is larger than 1048576 bytes"), "{}", piped.output());
    assert!(!checker.path("checks/0-posts").exists());
    checker.write("marked.html", "\u{feff}We know.\n");
    succeed(&checker, &[&open[..], &["--file", "marked.html"]].concat()).await;
    assert_eq!(incidents(&checker).await[0]["updates"][0]["text"], "We know.");
}

#[tokio::test]
async fn withdrawing_the_latest_post_again_withdraws_the_one_before() {
    let (checker, _shop) = checker_of(&directory()).await;
    succeed(&checker, &["incident", "open", "Checkout fails", "--text", "We know."]).await;
    for text in ["One.", "Two."] {
        succeed(&checker, &["incident", "update", "latest", "--text", text]).await;
    }
    for left in [2, 1, 0] {
        succeed(&checker, &["incident", "withdraw", "latest"]).await;
        let updates: Vec<Value> =
            incidents(&checker).await.iter().filter_map(|one| one["updates"].as_array().cloned()).flatten().collect();
        assert_eq!(updates.len(), left, "{updates:?}");
    }
    fail(&checker, &["incident", "withdraw", "latest"], "was withdrawn").await;
}

#[tokio::test]
async fn a_message_names_its_post_in_the_results() {
    let (checker, _shop) = checker_of(&directory()).await;
    succeed(&checker, &["run", "--message", "We know.", "--endpoint", "Shop"]).await;
    let messages: Vec<Value> =
        serde_json::from_str(&succeed(&checker, &["message", "list", "--format", "json"]).await).expect("JSON");
    let posts: Vec<Option<String>> =
        checker.all_results("checks").iter().map(|result| result.post.as_ref().map(ToString::to_string)).collect();
    assert_eq!(posts, [messages[0]["id"].as_str().map(str::to_owned), None]);
    let [file] = checker.check_files("checks").try_into().expect("one check file");
    let name: String = file.to_string();
    let posted_at: UnixNanos = messages[0]["id"].as_str().expect("an ID")[..19].parse().expect("a time");
    assert!(posted_at < name[..19].parse().expect("a time"), "the post is stored first");
    let erased = checker.call(&["post", "erase", "latest", "--yes"]).await;
    assert!(erased.stderr.contains(&format!("the check file `{name}` still contains the text")), "{}", erased.output());
    assert!(erased.stderr.contains("summaries still contain the post"), "{}", erased.output());
    let content = std::fs::read(checker.path(&format!("checks/{name}"))).expect("a check file");
    assert_eq!(CheckFile::parse(&content).expect("it is valid").results[0].message, "We know.");
}

#[tokio::test]
async fn the_page_does_not_show_an_erased_message() {
    let (checker, _shop) = checker_of(&directory()).await;
    succeed(&checker, &["run", "--message", "We <b>know</b>."]).await;
    let served = checker.serve(&["--page", page_directory().to_str().expect("the path is text")]).await;
    let browser = Browser::open().await;
    let shown = page::visit(&browser, &served.url).await;
    assert!(shown.messages()[0].0.starts_with("We know."), "{:?}", shown.messages());
    succeed(&checker, &["post", "erase", "latest", "--yes"]).await;
    browser.visit(&served.url).await;
    // The page first shows what the browser has stored.
    let is_gone = |page: &Page| page.is_complete() && page.messages().is_empty();
    let page = page::when(&browser, "the message to disappear", is_gone).await;
    page.assert_clean();
    assert_eq!(page.endpoints().len(), shown.endpoints().len());
    assert!(!page.0.to_string().contains("We know"), "{:#}", page.0);
}

#[tokio::test]
async fn the_copy_of_a_message_whose_post_was_not_confirmed_is_named_as_shown() {
    let (checker, _shop) = checker_of(&directory()).await;
    succeed(&checker, &["run", "--message", "We know."]).await;
    let [file] = checker.check_files("checks").try_into().expect("one check file");
    let path = checker.path(&format!("checks/{file}"));
    let content = std::fs::read_to_string(&path).expect("a check file");
    let results = CheckFile::parse(content.as_bytes()).expect("it is valid").results;
    let named = format!(r#","post":"{}""#, results[0].post.as_ref().expect("a post"));
    std::fs::write(&path, content.replace(&named, "")).expect("it can be written");
    let erased = checker.call(&["post", "erase", "latest", "--yes"]).await;
    assert!(erased.stderr.contains("and the page shows it for 24 hours"), "{}", erased.output());
}

#[tokio::test]
async fn a_message_of_an_author_that_readers_do_not_see_can_be_ended() {
    let (checker, shop) = checker_of(&directory()).await;
    let mut config = watching(&[check("Shop", &shop.url)], &directory());
    config["page"]["authors"] = json!(["anna"]);
    checker.configure(&config);
    let run = checker.call(&["run", "--message", "We know."]).await;
    let warning = "readers do not see posts of `test-node`: add it to `page.authors`, or set `author`";
    assert!(run.code == 0 && run.stderr.contains(warning), "{}", run.output());
    assert_eq!(succeed(&checker, &["message", "list"]).await, "No messages.\n");
    let ended = succeed(&checker, &["message", "end"]).await;
    assert!(ended.starts_with("ended the message `"), "{ended}");
    fail(&checker, &["message", "end"], "already ended at").await;
}

#[tokio::test]
async fn silences_and_messages_end_when_asked() {
    let (checker, _shop) = checker_of(&directory()).await;
    succeed(&checker, &["silence", "Shop", "Bill*", "--for", "2h", "--why", "moving racks"]).await;
    let silences = succeed(&checker, &["silence", "list"]).await;
    assert!(silences.contains("`Shop`, `Bill*`") && silences.contains("moving racks"), "{silences}");
    succeed(&checker, &["silence", "end", "latest"]).await;
    assert_eq!(succeed(&checker, &["silence", "list"]).await, "No silences.\n");
    fail(&checker, &["silence", "end", "latest"], "already ended at").await;

    let until = rfc3339(now() + 200 * DAY);
    succeed(&checker, &["run", "--message", "We know.", "--endpoint", "Shop", "--until", &until]).await;
    assert_eq!(checker.check_files("checks").len(), 1, "the message makes no other round");
    let messages = succeed(&checker, &["message", "list", "--format", "json"]).await;
    let messages: Vec<Value> = serde_json::from_str(&messages).expect("it is JSON");
    assert_eq!((&messages[0]["text"], &messages[0]["affects"]), (&json!("We know."), &json!({ "Shop": "none" })));
    assert_eq!(messages[0]["until"], json!(until));
    let stored = checker.all_results("checks");
    assert!(stored.iter().any(|result| result.message == "We know."), "readers without digests see the message");
    succeed(&checker, &["message", "end"]).await;
    assert_eq!(succeed(&checker, &["message", "list"]).await, "No messages.\n");
}
