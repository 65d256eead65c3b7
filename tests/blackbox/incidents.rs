//! Incidents and other posts from the command line, in a directory and in a bucket.

use futures_util::future::join_all;
use serde_json::{Value, json};
use shared::HOUR;
use support::bucket::Bucket;
use support::checker::{Checker, Run};
use support::configuration::{check, directory, watching};
use support::endpoints::{Behavior, Endpoint};
use support::fault_proxy::FaultProxy;
use support::http_client;
use support::ministack;
use support::now;
use support::test_site::TestSite;

use super::maintenance::start;
use super::notifications::{Webhook, nodes, round, round_at};

pub(crate) async fn checker_of(storage: &Value) -> (Checker, Endpoint) {
    let shop = Endpoint::start(Behavior::ok()).await;
    let mut config = watching(&[check("Shop", &shop.url), check("Billing", &shop.url)], storage);
    config["author"] = json!("anna");
    config["templates"] =
        json!({ "db": { "title": "Database is slow", "text": "We know.", "affects": ["*=degraded"] } });
    (Checker::new(&config), shop)
}

pub(crate) async fn succeed(checker: &Checker, words: &[&str]) -> String {
    let run = checker.call(words).await;
    assert_eq!(run.code, 0, "{words:?}: {}", run.output());
    run.stdout
}

pub(crate) async fn fail(checker: &Checker, words: &[&str], expected: &str) -> Run {
    let run = checker.call(words).await;
    assert!(run.code == 2 && run.stderr.contains(expected), "{words:?}: {}", run.output());
    run
}

/// Returns the incidents that `list --all` shows, as JSON.
pub(crate) async fn incidents(checker: &Checker) -> Vec<Value> {
    let json = succeed(checker, &["incident", "list", "--all", "--format", "json"]).await;
    serde_json::from_str(&json).expect("it is JSON")
}

#[tokio::test]
async fn an_incident_is_opened_updated_resolved_and_analyzed() {
    let (checker, _shop) = checker_of(&directory()).await;
    let title = "Checkout fails for some cards";
    succeed(&checker, &["incident", "open", title, "--affects", "Shop=degraded", "--text", "We're <b>on it</b>."])
        .await;
    succeed(&checker, &["incident", "update", "latest", "--state", "monitoring", "--text", "A fix is out."]).await;
    fail(&checker, &["incident", "postmortem", "latest", "--text", "x"], "is still open: resolve it first").await;
    succeed(&checker, &["incident", "resolve", "latest", "--text", "It works."]).await;
    fail(&checker, &["incident", "update", "latest", "--text", "x"], "reopen it with `--state investigating`").await;
    fail(&checker, &["incident", "resolve", "latest"], "is already resolved").await;
    checker.write("pm.html", "<p>A disk was full.</p>");
    succeed(&checker, &["incident", "postmortem", "latest", "--file", "pm.html"]).await;
    let all = incidents(&checker).await;
    let [incident] = all.as_slice() else { panic!("{all:?}") };
    assert_eq!((&incident["title"], &incident["state"]), (&json!(title), &json!("postmortem")));
    assert_eq!(incident["affects"], json!({ "Shop": "degraded" }));
    let states: Vec<_> =
        incident["updates"].as_array().expect("updates").iter().map(|one| one["state"].clone()).collect();
    assert_eq!(states, [json!("investigating"), json!("monitoring"), json!("resolved"), json!("postmortem")]);
    assert!(incident["ended"].as_str().is_some_and(|ended| ended.ends_with('Z')), "{incident:#}");
    assert_eq!(succeed(&checker, &["incident", "list"]).await, "No incidents.\n");
    let reopened = succeed(&checker, &["incident", "update", "latest", "--state", "investigating"]).await;
    assert!(reopened.starts_with("reopened the incident"), "{reopened}");
    let shown = succeed(&checker, &["incident", "show", "latest"]).await;
    assert!(shown.contains(title) && shown.contains("We're on it.") && shown.contains("A disk was full."), "{shown}");
}

#[tokio::test]
async fn a_post_can_be_edited_withdrawn_and_erased() {
    let (checker, _shop) = checker_of(&directory()).await;
    succeed(&checker, &["incident", "open", "--template", "db"]).await;
    succeed(&checker, &["incident", "update", "latest", "--text", "The password is canary."]).await;
    let update = incidents(&checker).await[0]["updates"][1]["id"].as_str().expect("an id").to_owned();
    succeed(&checker, &["incident", "edit", &update, "--text", "Oops."]).await;
    let again = checker.call(&["incident", "edit", &update, "--text", "Restarting."]).await;
    assert!(again.code == 0 && again.stderr.contains("the latest edit applies"), "{}", again.output());
    let edited = incidents(&checker).await[0].clone();
    assert_eq!(edited["title"], "Database is slow");
    assert_eq!((&edited["updates"][1]["text"], &edited["updates"][1]["edited"]), (&json!("Restarting."), &json!(true)));
    fail(&checker, &["incident", "edit", &update, "--text", "x", "--author", "ben"], "belongs to `anna`").await;
    fail(&checker, &["incident", "erase", &update], "nothing was erased").await;
    let erased = succeed(&checker, &["incident", "erase", &update, "--yes"]).await;
    assert_eq!(erased, "erased 3 posts\n");
    let posts =
        std::fs::read_dir(checker.path("checks/0-posts")).expect("posts").map(|entry| entry.expect("a post").path());
    let texts: Vec<String> = posts.map(|path| std::fs::read_to_string(path).expect("a post")).collect();
    assert!(texts.len() == 1 && !texts[0].contains("canary"), "{texts:?}");
    assert_eq!(incidents(&checker).await[0]["updates"].as_array().map(Vec::len), Some(1));
    succeed(&checker, &["incident", "withdraw", "latest"]).await;
    assert_eq!(incidents(&checker).await, [Value::Null; 0]);
    fail(&checker, &["incident", "edit", "latest", "--text", "x"], "was withdrawn").await;
}

#[tokio::test]
async fn every_kind_of_post_can_be_erased() {
    let (checker, _shop) = checker_of(&directory()).await;
    let soon = start(now() + HOUR);
    let plan = ["maintenance", "plan", "Upgrade", "--affects", "Shop=down", "--zone", "UTC", "--for", "1h", "--start"];
    let secret = "The password is canary.";
    let commands: [&[&str]; 4] = [
        &["incident", "open", "Checkout fails", "--text", secret],
        &[&plan[..], &[&soon, "--text", secret]].concat(),
        &["silence", "Shop", "--for", "1h", "--why", secret],
        &["run", "--message", secret],
    ];
    for words in commands {
        succeed(&checker, words).await;
        fail(&checker, &["post", "erase", "latest", "--author", "ben", "--yes"], "`ben` has posted nothing").await;
        let prompt = fail(&checker, &["post", "erase", "latest"], "nothing was erased").await.stderr;
        let kind = if words[0] == "run" { "message" } else { words[0] };
        let described = prompt.contains(&format!("This permanently deletes the {kind} `"));
        assert!(described && prompt.contains("1 post of `anna`. Type `yes`:"), "{prompt}");
        let run = checker.call(&["post", "erase", "latest", "--yes"]).await;
        assert_eq!((run.code, run.stdout.as_str()), (0, "erased 1 post\n"), "{words:?}: {}", run.stderr);
        let copy = "-test-node-check.json` still contains the text, but readers do not show it: delete this object";
        assert_eq!(run.stderr.contains(copy), words[0] == "run", "{}", run.stderr);
        let posts = std::fs::read_dir(checker.path("checks/0-posts")).expect("a folder").count();
        let digest = std::fs::read_to_string(checker.path("checks/history/anna.posts.json")).expect("a digest");
        assert!(posts == 0 && !digest.contains("canary"), "{words:?}: {digest}");
    }
    let history = std::fs::read_to_string(checker.path("checks/history/test-node.json")).expect("a history");
    assert!(history.contains("Shop") && !history.contains("canary"), "{history}");
    // The ID of a silence includes its end.
    succeed(&checker, &["silence", "Shop", "--for", "1h", "--why", secret]).await;
    succeed(&checker, &["silence", "end", "latest"]).await;
    let silences = succeed(&checker, &["silence", "list", "--all", "--format", "json"]).await;
    let silences: Value = serde_json::from_str(&silences).expect("it is JSON");
    let id = silences[0]["id"].as_str().expect("an ID");
    assert_eq!(succeed(&checker, &["post", "erase", id, "--yes"]).await, "erased 2 posts\n");
}

#[tokio::test]
async fn erasing_an_end_alone_is_refused() {
    let (checker, _shop) = checker_of(&directory()).await;
    let soon = start(now() + HOUR);
    let plan = ["maintenance", "plan", "Upgrade", "--affects", "Shop=down", "--zone", "UTC", "--for", "1h", "--start"];
    for (begin, end) in [
        (&[&plan[..], &[&soon]].concat()[..], &["maintenance", "cancel", "latest"][..]),
        (&["silence", "Shop", "--for", "10h"], &["silence", "end", "latest"]),
        (&["run", "--message", "We know."], &["message", "end"]),
    ] {
        succeed(&checker, begin).await;
        succeed(&checker, end).await;
        let run = fail(&checker, &["post", "erase", "latest", "--yes"], "erasing it alone would undo the change").await;
        let id = run.stderr.rsplit_once("checker post erase ").expect("a remedy").1.trim_end().trim_end_matches('`');
        assert_eq!(succeed(&checker, &["post", "erase", id, "--yes"]).await, "erased 2 posts\n", "{end:?}");
    }
    succeed(&checker, &["incident", "open", "Checkout fails"]).await;
    succeed(&checker, &["incident", "resolve", "latest"]).await;
    fail(&checker, &["incident", "erase", "latest", "--yes"], "would reopen the incident").await;
    assert_eq!(incidents(&checker).await[0]["state"], "resolved");
}

#[tokio::test]
async fn what_remains_of_an_erased_incident_is_resolved_and_can_be_erased() {
    let (checker, _shop) = checker_of(&directory()).await;
    succeed(&checker, &["incident", "open", "Checkout fails"]).await;
    let id = incidents(&checker).await[0]["id"].as_str().expect("an id").to_owned();
    for author in ["ben", "cleo"] {
        succeed(&checker, &["incident", "update", &id, "--text", "On it.", "--author", author]).await;
    }
    let run = checker.call(&["incident", "erase", &id, "--yes"]).await;
    assert!(run.code == 0 && run.stderr.contains("erase them with `--author cleo`"), "{}", run.output());
    let rest = incidents(&checker).await;
    assert_eq!((&rest[0]["id"], &rest[0]["state"], &rest[0]["title"]), (&json!(id), &json!("resolved"), &json!("")));
    assert_eq!(succeed(&checker, &["incident", "list"]).await, "No incidents.\n");
    let reopen = ["incident", "update", &id, "--state", "investigating", "--author", "ben"];
    fail(&checker, &reopen, "the first post of the incident").await;
    fail(&checker, &["incident", "withdraw", &id], "belongs to").await;
    succeed(&checker, &["incident", "withdraw", &id, "--author", "ben"]).await;
    assert_eq!(incidents(&checker).await[0]["updates"].as_array().map(Vec::len), Some(1));
    let erased = succeed(&checker, &["incident", "erase", &id, "--author", "ben", "--yes"]).await;
    assert_eq!(erased, "erased 2 posts\n", "the update and its withdrawal");
    assert_eq!(succeed(&checker, &["post", "erase", &id, "--author", "cleo", "--yes"]).await, "erased 1 post\n");
    assert_eq!(incidents(&checker).await, [Value::Null; 0]);
}

#[tokio::test]
async fn invalid_posts_are_refused_before_anything_is_stored() {
    let (checker, _shop) = checker_of(&directory()).await;
    let long = "x".repeat(20_001);
    for (words, expected) in [
        (&["incident", "open"][..], "missing title"),
        (&["incident", "open", "x", "--affects", "Shpo=down"], "unknown endpoint `Shpo`: did you mean `Shop`?"),
        (&["incident", "open", "x", "--affects", "Shop"], "missing impact for `Shop`"),
        (&["incident", "open", "x", "--text", "<script>x</script>"], "`<script>` is not allowed"),
        (&["incident", "open", "x", "--text", &long], "the text has 20001 characters"),
        (&["incident", "open", "x", "--began", "2099-01-01 10:00"], "in the future"),
        (&["incident", "open", "x", "--at", "2026-02-30 10:00"], "invalid time `2026-02-30 10:00`"),
        (&["incident", "open", "--template", "dbs"], "unknown template `dbs`: did you mean `db`?"),
        (
            &["incident", "open", "--from-outage", "Shop"],
            "unknown endpoint `Shop`: expected an endpoint with stored results",
        ),
        (&["incident", "update", "latest", "--text", "x"], "there is no incident: open one with"),
        (&["silence", "Shop", "--for", "0s"], "invalid length `0s`"),
        (&["silence", "Shpo", "--for", "1h"], "did you mean `Shop`?"),
        (&["message", "end"], "there is no message: post one with `checker run --message`"),
        (&["incident", "withdraw", "latest"], "there is no post about an incident: open one with"),
    ] {
        let run = fail(&checker, words, expected).await;
        assert_eq!(run.stdout, "", "{words:?}");
    }
    assert!(!checker.path("checks/0-posts").exists());
}

#[tokio::test]
async fn times_are_those_of_the_time_zone_of_the_machine() {
    let (checker, _shop) = checker_of(&directory()).await;
    let open = async |began: &str| {
        let words = ["incident", "open", "x", "--text", "y", "--began", began];
        checker.call_with(&words, |command| _ = command.env("TZ", "Europe/Berlin")).await
    };
    let run = open("2026-03-29 02:30").await;
    assert!(run.code == 2 && run.stderr.contains("does not exist"), "{}", run.output());
    let run = open("2026-03-29 03:30").await;
    assert_eq!(run.code, 0, "{}", run.output());
    assert_eq!(incidents(&checker).await[0]["began"], "2026-03-29T01:30:00Z");
}

#[tokio::test]
async fn latest_is_the_incident_that_was_posted_last() {
    let (checker, _shop) = checker_of(&directory()).await;
    succeed(&checker, &["incident", "open", "Old", "--text", "x"]).await;
    succeed(&checker, &["incident", "open", "New", "--text", "x", "--began", "2026-03-01 10:00"]).await;
    let late = ["incident", "resolve", "latest", "--at", "2026-03-01 11:00"];
    fail(&checker, &late, "`--ended` sets when the incident ended").await;
    succeed(&checker, &["incident", "resolve", "latest", "--ended", "2026-03-01 11:00"]).await;
    let open = succeed(&checker, &["incident", "list"]).await;
    assert!(open.contains("Old") && !open.contains("New"), "{open}");
}

#[tokio::test]
async fn commands_ignore_the_authors_that_readers_ignore() {
    let shop = Endpoint::start(Behavior::ok()).await;
    let mut config = watching(&[check("Shop", &shop.url)], &directory());
    config["author"] = json!("anna");
    config["page"]["authors"] = json!(["anna"]);
    let checker = Checker::new(&config);
    succeed(&checker, &["incident", "open", "Ours", "--text", "x"]).await;
    let theirs = ["incident", "open", "Theirs", "--text", "x", "--author", "stranger"];
    let run = checker.call(&theirs).await;
    assert!(run.code == 0 && run.stderr.contains("readers do not see posts of `stranger`"), "{}", run.output());
    succeed(&checker, &["incident", "resolve", "latest", "--author", "stranger"]).await;
    let open = succeed(&checker, &["incident", "list"]).await;
    assert!(open.contains("Ours") && !open.contains("Theirs"), "{open}");
    succeed(&checker, &["incident", "resolve", "latest"]).await;
    config["page"]["authors"] = json!(["stranger"]);
    checker.configure(&config);
    let run = checker.call(&["run", "--message", "We know."]).await;
    assert!(run.code == 0 && run.stderr.contains("readers do not see posts of `anna`"), "{}", run.output());
}

#[tokio::test]
async fn an_outage_fills_in_a_new_incident() {
    let broken = Endpoint::start(Behavior::Answer("500 Internal Server Error", String::new())).await;
    let checker = Checker::new(&watching(&[check("Shop", &broken.url)], &directory()));
    checker.call(&["run"]).await;
    succeed(&checker, &["incident", "open", "--from-outage", "Shop", "--author", "anna"]).await;
    let incident = incidents(&checker).await[0].clone();
    assert_eq!((&incident["title"], &incident["affects"]), (&json!("Shop is down"), &json!({ "Shop": "down" })));
    let text = incident["updates"][0]["text"].as_str().expect("a text");
    assert!(text.starts_with("Shop is down, as seen from ") && !text.contains("500"), "{text}");
}

#[tokio::test]
async fn authors_who_post_at_the_same_time_lose_nothing() {
    let (checker, _shop) = checker_of(&directory()).await;
    let commands = (0..12).map(|number| {
        let (checker, author) = (&checker, if number % 3 == 0 { "anna" } else { "anna-2" });
        let title = format!("Incident {number}");
        async move { succeed(checker, &["incident", "open", &title, "--author", author]).await }
    });
    join_all(commands).await;
    let mut titles: Vec<String> =
        incidents(&checker).await.iter().map(|one| one["title"].as_str().expect("a title").to_owned()).collect();
    titles.sort_by_key(|title| (title.len(), title.clone()));
    assert_eq!(titles, (0..12).map(|number| format!("Incident {number}")).collect::<Vec<_>>());
    let index = std::fs::read_to_string(checker.path("checks/history/_index.json")).expect("an index");
    assert!(index.contains("history/anna.posts.json") && index.contains("history/anna-2.posts.json"), "{index}");
}

#[tokio::test]
async fn an_update_in_a_bucket_takes_at_most_six_requests() {
    let bucket = Bucket::new().await;
    let (direct, _shop) = checker_of(&bucket.storage()).await;
    succeed(&direct, &["run"]).await;
    succeed(&direct, &["incident", "open", "Checkout fails"]).await;
    let proxy = FaultProxy::start(&ministack::server().url, |_, _| None).await;
    let mut storage = bucket.storage();
    storage["endpoint_url"] = json!(proxy.url);
    let (checker, _shop) = checker_of(&storage).await;
    succeed(&checker, &["incident", "update", "latest", "--state", "identified", "--text", "A disk is full."]).await;
    let requests = proxy.requests();
    assert!(requests.len() <= 6, "{requests:?}");
    let posts: Vec<String> = bucket.keys().await.into_iter().filter(|key| key.contains("0-posts/")).collect();
    assert_eq!(posts.len(), 2, "{posts:?}");
    let digest = format!("{}history/anna.posts.json", bucket.prefix);
    assert_eq!(bucket.headers(&digest).await, ("application/json".to_owned(), "no-cache".to_owned()));
}

#[tokio::test]
async fn a_served_directory_has_new_posts_at_once() {
    let (checker, _shop) = checker_of(&directory()).await;
    let served = checker.serve(&[]).await;
    succeed(&checker, &["incident", "open", "Checkout fails"]).await;
    let index = http_client::get(&format!("{}store/history/_index.json", served.url)).await;
    assert!(index.text().contains("history/anna.posts.json"), "{}", index.text());
    let digest = http_client::get(&format!("{}store/history/anna.posts.json", served.url)).await;
    assert!(digest.text().contains("Checkout fails"), "{}", digest.text());
}

#[tokio::test]
async fn a_provisioned_author_posts_and_erases() {
    let site = TestSite::new().await;
    let words = ["--origin", "https://status.example", "--writer", "eu-west", "--author", "anna"];
    let run = site.provision(&words).await;
    assert_eq!(run.code, 0, "{}", run.output());
    let anna = ["-c", "author-anna.json"];
    let call = async |words: &[&str]| {
        let run = site.checker.call(&[words, &anna].concat()).await;
        assert_eq!(run.code, 0, "{words:?}: {}", run.output());
        run.stdout
    };
    call(&["incident", "open", "Checkout fails"]).await;
    let writer = ["incident", "update", "latest", "--text", "On it.", "-c", "checker-eu-west.json"];
    let updated = site.checker.call(&writer).await;
    assert_eq!(updated.code, 0, "{}", updated.output());
    call(&["incident", "erase", "latest", "--yes"]).await;
    let again = site.provision(&words).await;
    assert!(again.code == 0 && again.stdout.contains("Nothing to do"), "{}", again.output());
    let rotated = site.provision(&[words.as_slice(), &["--rotate"]].concat()).await;
    assert_eq!(rotated.code, 0, "{}", rotated.output());
    call(&["incident", "list"]).await;
    let posts = site.bucket.keys().await.into_iter().filter(|key| key.contains("posts")).count();
    assert_eq!(posts, 3, "the writer's post and two digests");
    let removed = site.deprovision(&["--delete-data", "--yes"], &site.bucket.name).await;
    assert_eq!(removed.code, 0, "{}", removed.output());
}

#[tokio::test]
async fn editors_of_the_page_change_the_posts_of_others() {
    let (checker, shop) = checker_of(&directory()).await;
    let mut config = watching(&[check("Shop", &shop.url)], &directory());
    config["author"] = json!("anna");
    config["page"] = json!({ "editors": ["ben"] });
    checker.configure(&config);
    succeed(&checker, &["incident", "open", "Checkout fails", "--text", "We know."]).await;
    fail(&checker, &["incident", "edit", "latest", "--text", "x", "--author", "mallory"], "belongs to `anna`").await;
    let id = incidents(&checker).await[0]["id"].as_str().expect("an id").to_owned();
    succeed(&checker, &["incident", "edit", &id, "--text", "Corrected.", "--author", "ben"]).await;
    assert_eq!(incidents(&checker).await[0]["updates"][0]["text"], "Corrected.");
    fail(&checker, &["incident", "erase", &id, "--yes", "--author", "ben"], "only its author can erase it").await;
    succeed(&checker, &["incident", "withdraw", &id, "--author", "ben"]).await;
    assert_eq!(incidents(&checker).await, [Value::Null; 0]);
}

#[tokio::test]
async fn one_node_notifies_channels_of_each_update() {
    let (shop, webhook) = (Endpoint::start(Behavior::ok()).await, Webhook::start().await);
    let folder = tempfile::tempdir().expect("a folder");
    let mut channel = webhook.channel();
    channel["on"] = json!(["down", "incident", "maintenance"]);
    let nodes = nodes(&["eu-west", "us-east"], folder.path(), &shop, &[channel]);
    for node in &nodes {
        round(node, &[]).await;
    }
    let post = async |words: &[&str]| succeed(&nodes[0], &[words, &["--author", "anna"]].concat()).await;
    let rounds = async || {
        // Nodes find a new author within ten minutes.
        for off in ["+11m", "+12m", "+13m"] {
            for node in &nodes {
                round_at(node, off).await;
            }
        }
        webhook.news()
    };
    post(&["incident", "open", "Checkout fails", "--affects", "Shop=down", "--text", "We know."]).await;
    let start = start(now() + 3 * HOUR);
    let plan = ["maintenance", "plan", "Upgrade", "--affects", "Shop=down", "--zone", "UTC", "--for", "1h", "--start"];
    post(&[&plan[..], &[&start]].concat()).await;
    let mut news = rounds().await;
    news.sort();
    assert_eq!(news, ["incident Checkout fails", "maintenance Upgrade"]);
    let items =
        webhook.messages().iter().filter_map(|message| message["items"].as_array().cloned()).flatten().collect();
    let details: Vec<Value> = items;
    let detail = |event: &str| details.iter().find(|item| item["event"] == event).expect("an item")["text"].clone();
    assert_eq!(detail("incident"), "Incident: Checkout fails: investigating, affects Shop (down). We know.");
    assert!(
        detail("maintenance").as_str().is_some_and(|text| text.starts_with("Maintenance: Upgrade: planned from ")),
        "{details:?}"
    );
}

#[tokio::test]
async fn status_and_summaries_show_posts_and_keep_what_was_measured() {
    let broken = Endpoint::start(Behavior::Answer("500 Internal Server Error", String::new())).await;
    let mut config = watching(&[check("Shop", &broken.url)], &directory());
    (config["author"], config["summaries"]) = (json!("anna"), json!(true));
    let checker = Checker::new(&config);
    succeed(&checker, &["incident", "open", "Checkout <fails>", "--affects", "Shop=down", "--text", "<b>We</b> know."])
        .await;
    let plan = ["maintenance", "plan", "Upgrade", "--affects", "Shop=down", "--zone", "UTC", "--for", "1h", "--start"];
    succeed(&checker, &[&plan[..], &[&start(now() + HOUR)]].concat()).await;
    succeed(&checker, &["maintenance", "begin", "latest"]).await;
    checker.call(&["run"]).await;
    let status = succeed(&checker, &["status"]).await;
    for expected in ["investigating  Checkout <fails>, incident since", "in progress    Upgrade, maintenance until"] {
        assert!(status.contains(expected), "`{expected}` is missing:\n{status}");
    }
    assert!(status.contains("(planned until "), "{status}");
    let json: Value = serde_json::from_str(&succeed(&checker, &["status", "--format", "json"]).await).expect("JSON");
    let shop = &json["endpoints"][0];
    assert_eq!((&json["status"], &shop["status"], &shop["uptime"]), (&json!("down"), &json!("down"), &json!("0.00%")));
    assert_eq!((&shop["uptime_outside_maintenance"], &shop["incidents"][0]["planned"]), (&Value::Null, &json!(true)));
    assert_eq!(shop["planned_until"], json["announced"]["maintenance"][0]["end"]);
    assert_eq!(shop["open_incidents"][0], json["announced"]["incidents"][0]["id"]);
    let stored = |name: &str| std::fs::read_to_string(checker.path(&format!("checks/{name}"))).expect(name);
    let summary: Value = serde_json::from_str(&stored("0-summary/test-node.json")).expect("JSON");
    assert_eq!(summary["announced"], json["announced"]);
    let html = stored("0-summary/test-node.html");
    assert!(html.contains("Checkout &lt;fails&gt;") && html.contains("We know."), "{html}");
    let badge = stored("0-badge/test-node/Shop.svg");
    assert!(badge.contains("down (planned), open incident"), "{badge}");
}

#[tokio::test]
async fn status_and_summaries_show_current_messages() {
    let (checker, _shop) = checker_of(&directory()).await;
    let words = ["run", "--message", "Use the <b>phone</b>.", "--endpoint", "Shop"];
    let run = checker.call_with_clock(&words, "-10m", |_| {}).await;
    assert_eq!(run.code, 0, "{}", run.output());
    succeed(&checker, &["run"]).await;
    let status = succeed(&checker, &["status"]).await;
    assert!(status.contains("message        Use the phone., until ") && status.contains("affects Shop"), "{status}");
    let json: Value = serde_json::from_str(&succeed(&checker, &["status", "--format", "json"]).await).expect("JSON");
    let message = &json["announced"]["messages"][0];
    assert_eq!((&message["text"], &message["affects"]), (&json!("Use the phone."), &json!({ "Shop": "none" })));
    let stored = |name: &str| std::fs::read_to_string(checker.path(&format!("checks/{name}"))).expect(name);
    let summary: Value = serde_json::from_str(&stored("0-summary/test-node.json")).expect("JSON");
    assert_eq!(summary["announced"], json["announced"]);
    let html = stored("0-summary/test-node.html");
    assert!(html.contains("<h2>Messages</h2>") && html.contains("Use the phone."), "{html}");
    succeed(&checker, &["message", "end"]).await;
    assert!(!succeed(&checker, &["status"]).await.contains("phone"));
}

#[tokio::test]
async fn a_past_incident_is_posted_with_its_end() {
    let (checker, _shop) = checker_of(&directory()).await;
    let open = ["incident", "open", "Checkout failed", "--text", "A disk was full.", "--began", "2026-03-01T10:00:00Z"];
    let ended = ["--ended", "2026-03-01T11:00:00Z"];
    fail(&checker, &[&open[..], &ended].concat(), "`--ended` requires `--state resolved`").await;
    let resolved = [&open[..], &["--state", "resolved"]].concat();
    let early = [&resolved[..], &["--ended", "2026-03-01T09:59:00Z"]].concat();
    fail(&checker, &early, "is before the incident began at 2026-03-01 10:00:00 UTC").await;
    succeed(&checker, &[&resolved[..], &ended].concat()).await;
    let incident = &incidents(&checker).await[0];
    assert_eq!((&incident["state"], &incident["ended"]), (&json!("resolved"), &json!("2026-03-01T11:00:00Z")));
    let nothing = ["incident", "edit", "latest", "--text", "A disk was full."];
    let run = fail(&checker, &nothing, "nothing to change: pass").await;
    assert!(!run.stderr.contains("--state"), "{}", run.stderr);
}

#[tokio::test]
async fn an_incident_can_end_in_the_minute_in_which_it_began() {
    let (checker, _shop) = checker_of(&directory()).await;
    let began = "2026-03-01T10:00:40Z";
    succeed(&checker, &["incident", "open", "Checkout failed", "--text", "x", "--began", began]).await;
    fail(&checker, &["incident", "resolve", "latest", "--ended", "2026-03-01T09:59:59Z"], "before the incident began")
        .await;
    succeed(&checker, &["incident", "resolve", "latest", "--ended", "2026-03-01T10:00:00Z"]).await;
    assert_eq!(incidents(&checker).await[0]["ended"], began);
}
