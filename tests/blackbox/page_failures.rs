//! The page during failures: hostile objects, an unresponsive store, a missing or invalid configuration. The page stays
//! usable, shows the available data, reports the problems and how to fix them, and never runs a foreign script.

use serde_json::json;
use shared::MINUTE;
use shared::object_name::CheckFileName;
use shared::page_config::{PageConfig, PublicKeys, Source};
use support::browser::Browser;
use support::bucket::{Bucket, Cors};
use support::caddy::Caddy;
use support::checker::Checker;
use support::configuration::{check, watching};
use support::endpoints::{Behavior, Endpoint, refused};
use support::page::{self, Page};
use support::{ministack, now};

/// A string for titles, errors, notices and messages that runs a script when it is parsed as markup.
const HOSTILE: &str = "<img src=x onerror=canary()><script>canary()</script><svg onload=canary()>\"'>{{canary()}}";

fn originals_name(stored_at: i64) -> String {
    CheckFileName { stored_at, node: None }.to_string()
}

fn good_file(title: &str, at: i64) -> String {
    json!([{ "title": title, "endpoint": "https://shop.example/", "timestamp": at, "times": [{ "rtt": 95_000_000 }], "healthy": true }])
        .to_string()
}

/// Serves a bucket's page and visits it.
async fn visit_bucket(bucket: &Bucket, adjust: impl FnOnce(&mut PageConfig)) -> (Browser, Caddy, Page) {
    let reader = ministack::reader(&bucket.name).await;
    let mut config = bucket.page_config(Some(&reader));
    adjust(&mut config);
    let Source::S3(source) = &config.source else { panic!("it is a bucket") };
    let caddy = Caddy::start(source.endpoint_url.as_deref().unwrap_or_default()).await;
    caddy.configure(&config.to_json());
    let browser = Browser::open().await;
    let page = page::visit(&browser, &caddy.url).await;
    (browser, caddy, page)
}

#[tokio::test]
async fn hostile_objects_neither_run_scripts_nor_hide_results() {
    let bucket = Bucket::new().await;
    let at = |minutes: i64| now() - minutes * MINUTE;
    let huge = "5 MB of text ".repeat(400_000);
    let skipped = [
        (at(30), "this is not JSON".to_owned()),
        (at(29), r#"[{"title":"Half a file","endpoint":"https://half.exam"#.to_owned()),
        (at(28), "{\"title\":\"no array\"}".to_owned()),
        (at(27), String::new()),
        (at(26), "\u{0}\u{1}\u{2}".to_owned()),
    ];
    let odd = [
        (at(25), r#"[{"title":7,"endpoint":["a"],"times":"soon","healthy":"yes"},{"title":"Beside odd ones","endpoint":"https://beside.example/","timestamp":TIME,"times":[{"rtt":1000000}],"healthy":true}]"#.to_owned()),
        (at(24), r#"[{"title":"Huge numbers","endpoint":"https://huge.example/","timestamp":9223372036854775807,"times":[{"rtt":1e400},{"rtt":-9223372036854775808}],"threshold":-1,"down":true}]"#.to_owned()),
        (at(23), r#"[{"title":"Future","endpoint":"https://future.example/","timestamp":9223372036854775807,"times":[{"rtt":9223372036854775807}],"healthy":true}]"#.to_owned()),
        (at(22), r#"[{"title":"No times","endpoint":"https://timeless.example/","healthy":true},{"title":"Null times","endpoint":"https://null.example/","times":null,"down":true}]"#.to_owned()),
        (at(21), r#"[{},null,[],7,"text",{"healthy":true,"down":true}]"#.to_owned()),
        (at(20), json!([{ "title": "Long <b>error</b>", "endpoint": "https://long.example/", "timestamp": at(20), "times": [{ "rtt": 1, "error": huge }], "down": true }]).to_string()),
        (at(5), json!([{ "title": HOSTILE, "endpoint": "javascript:canary()", "timestamp": at(5), "down": true, "notice": HOSTILE,
            "times": [{ "rtt": 5, "error": HOSTILE }], "kind": HOSTILE, "node": HOSTILE,
            "message": format!("<b>still here</b><a href=\"https://fine.example/\" onclick=\"canary()\">fine</a>{HOSTILE}<a href=\"javascript:canary()\">a</a><a href=\" java\nscript:canary()\">b</a><iframe srcdoc=\"<script>parent.canary()</script>\"></iframe><style>*{{display:none}}</style>") }]).to_string()),
    ];
    for (stored_at, content) in skipped.iter().chain(&odd) {
        let content = content.replace("TIME", &stored_at.to_string());
        bucket.put(&format!("status/{}", originals_name(*stored_at)), content).await;
    }
    for key in [
        "notes.txt",
        "<script>canary()<",
        "1795330254-check.json",
        "..",
        "a/b/c",
        "%3Cimg src=x onerror=canary()%3E",
        "index.json",
    ] {
        bucket.put(&format!("status/{key}"), "canary()").await;
    }
    bucket.put(&format!("status/{}", originals_name(at(1))), good_file("Shop", at(1))).await;

    let (browser, _caddy, page) = visit_bucket(&bucket, |_| {}).await;
    page.assert_clean();
    let shop = page.endpoint("Shop");
    assert_eq!((shop.text_of("status").as_str(), shop.text_of("uptime").contains("100%")), ("healthy", true));
    for title in ["Beside odd ones", "No times", "Null times", "Long <b>error</b>"] {
        assert_eq!(page.endpoint(title).text_of("title"), title);
    }
    assert_eq!(page.endpoint(HOSTILE).text_of("status"), "down", "hostile text is shown as text");
    // The page names some of the five unreadable files, and counts the rest. It reports errors in individual elements
    // separately.
    let problems = page.problems();
    let named = skipped.iter().chain(&odd).filter(|(at, _)| problems.contains(&originals_name(*at)));
    let named = named.filter(|(at, _)| !problems.contains(&format!("{}`: element", originals_name(*at)))).count();
    let more = problems.lines().find_map(|line| line.split_once(" more check file"));
    let more: usize = more.and_then(|(count, _)| count.parse().ok()).unwrap_or(0);
    // Once three files with the same error have been named, the page only counts the others.
    let alike = problems.split(" and ").find_map(|rest| rest.split_once(" more: invalid check file"));
    let alike: usize = alike.and_then(|(count, _)| count.parse().ok()).unwrap_or(0);
    assert_eq!((named + more + alike, named >= 3), (5, true), "{problems}");
    assert!(problems.contains("objects that are not check files"), "{problems}");
    let text = page.text_of("text");
    assert!(text.len() < 200_000, "5 MB of text are shortened: {} bytes", text.len());

    // Clicks every element, to make sure that no click runs a script.
    let links = browser.script("return [...document.querySelectorAll('a[href]')].map(link => link.protocol)").await;
    let links = links.as_array().cloned().unwrap_or_default();
    assert!(
        links.iter().all(|protocol| ["http:", "https:", "mailto:"].iter().any(|known| protocol == known)),
        "{links:?}"
    );
    browser
        .script("for (const element of document.querySelectorAll('a:not([href^=http]), b, summary, button')) element.click()")
        .await;
    let planted = browser
        .script("return document.querySelectorAll('script:not([src]), iframe, img[onerror], svg[onload], [onclick], main style, base, object').length")
        .await;
    assert_eq!(planted, 0, "no hostile text became an element");
    let after = page::when(&browser, "the page to be restored", Page::is_complete).await;
    after.assert_clean();
    let message = after.events("message").into_iter().find(|event| event.contains("still here"));
    assert!(
        message.is_some_and(|message| message.contains("fine")),
        "allowed markup stays: {:?}",
        after.events("message")
    );
}

#[tokio::test]
async fn a_missing_file_does_not_affect_others() {
    let caddy = Caddy::start("").await;
    let store = caddy.site.path().join("store");
    std::fs::create_dir(&store).expect("the folder can be created");
    let (gone, there) = (originals_name(now() - 2 * MINUTE), originals_name(now() - MINUTE));
    std::fs::write(store.join(&there), good_file("Shop", now() - MINUTE)).expect("the file can be written");
    std::fs::write(store.join("index.json"), json!({ &gone: 1, &there: 2 }).to_string())
        .expect("the file can be written");
    caddy.configure(&PageConfig::new(Source::Http { url: "store/".to_owned() }).to_json());
    let browser = Browser::open().await;
    let page = page::visit(&browser, &caddy.url).await;
    page.assert_clean();
    assert_eq!((page.endpoint("Shop").text_of("status").as_str(), page.loaded()), ("healthy", 1));
    assert!(page.problems().contains(&gone), "{}", page.problems());
}

#[tokio::test]
async fn store_errors_are_shown_with_a_remedy() {
    let bucket = Bucket::new().await;
    bucket.put(&format!("status/{}", originals_name(now() - MINUTE)), good_file("Shop", now() - MINUTE)).await;
    let closed = Bucket::with_cors(Cors::None).await;
    let unreachable = refused().trim_end_matches('/').to_owned();
    let with_source = |config: &mut PageConfig, change: &dyn Fn(&mut shared::page_config::S3Source)| {
        if let Source::S3(source) = &mut config.source {
            change(source);
        }
    };
    let wrong_keys =
        PublicKeys { access_key_id: "AKIAIOSFODNN7EXAMPLE".to_owned(), secret_access_key: "wrong".to_owned() };

    let (_browser, _caddy, down) =
        visit_bucket(&bucket, |config| with_source(config, &|source| source.endpoint_url = Some(unreachable.clone())))
            .await;
    let (_browser, _caddy, wrong_key) =
        visit_bucket(&bucket, |config| with_source(config, &|source| source.public_keys = Some(wrong_keys.clone())))
            .await;
    let (_browser, _caddy, wrong_bucket) =
        visit_bucket(&bucket, |config| with_source(config, &|source| source.bucket = "no-such-bucket".to_owned()))
            .await;
    let (_browser, _caddy, no_cors) = visit_bucket(&closed, |_| {}).await;

    let store = &ministack::server().url;
    for (what, page, words) in [
        ("S3 down", &down, vec![unreachable.as_str(), "down", "CORS"]),
        ("wrong key", &wrong_key, vec![store.as_str(), "key"]),
        ("wrong bucket", &wrong_bucket, vec![store.as_str(), "the bucket does not exist"]),
        ("no CORS", &no_cors, vec![store.as_str(), "CORS", "GET"]),
    ] {
        let problems = page.problems();
        for word in words {
            assert!(problems.contains(word), "{what}: `{word}` is not in `{problems}`");
        }
        let state = page.text_of("state");
        assert!(["broken", "unknown"].contains(&state.as_str()), "{what}: without data the state is {state}");
        assert!(page.endpoints().is_empty(), "{what}");
        assert!(!page.text_of("overall").to_lowercase().contains("healthy"), "{what}: {}", page.text_of("overall"));
    }
}

#[tokio::test]
async fn an_empty_bucket_is_unknown_with_instructions() {
    let bucket = Bucket::new().await;
    let (_browser, _caddy, page) = visit_bucket(&bucket, |_| {}).await;
    page.assert_clean();
    assert_eq!((page.text_of("state").as_str(), page.loaded(), page.problems().as_str()), ("unknown", 0, ""));
    assert!(page.text_of("overall").len() > 10, "{}", page.text_of("overall"));
}

#[tokio::test]
async fn the_page_catches_up_after_the_store_was_unreachable() {
    let bucket = Bucket::new().await;
    let shop = Endpoint::start(Behavior::ok()).await;
    let checker = Checker::new(&watching(&[check("Shop", &shop.url)], &bucket.storage()));
    assert_eq!(checker.run(&[]).await.code, 0);
    let mut proxy = support::switchable_proxy::SwitchableProxy::new(&ministack::server().url);
    let url = proxy.url.clone();
    let (browser, _caddy, page) = visit_bucket(&bucket, |config| {
        config.refresh = 5 * shared::SECOND;
        if let Source::S3(source) = &mut config.source {
            source.endpoint_url = Some(url);
        }
    })
    .await;
    assert_eq!(page.loaded(), 0);
    proxy.open().await;
    let page = page::when(&browser, "the page to catch up", |page| page.text_of("state") == "healthy").await;
    assert_eq!((page.loaded(), page.problems().as_str()), (1, ""), "the problems are gone");
}

#[tokio::test]
async fn configuration_errors_are_shown_with_a_remedy() {
    let caddy = Caddy::start("").await;
    let browser = Browser::open().await;
    let missing = page::visit(&browser, &caddy.url).await;
    assert_eq!(missing.text_of("state"), "broken");
    let text = missing.text_of("text");
    assert!(text.contains("config.json") && text.contains("\"source\""), "an example is shown:\n{text}");
    missing.assert_clean();

    for (config, words) in [
        ("{ \"title\": \"x\",", vec!["config.json", "line 1 column"]),
        ("<!doctype html><p>not here</p>", vec!["config.json"]),
        (
            "{ \"titel\": \"x\", \"source\": { \"type\": \"s3\" }, \"range\": \"1 day\" }",
            vec!["`titel`", "`title`", "`source.bucket`", "`range`"],
        ),
        ("{ \"source\": { \"type\": \"http\", \"url\": \"javascript:canary()\" } }", vec!["`source.url`"]),
        ("{ \"title\": \"<img src=x onerror=canary()>\", \"source\": 7 }", vec!["`source`"]),
    ] {
        caddy.configure(config);
        let page = page::visit(&browser, &caddy.url).await;
        assert_eq!(page.text_of("state"), "broken", "{config}");
        for word in words {
            let shown = [page.problems(), page.text_of("text")].join("\n");
            assert!(shown.contains(word), "{config}: `{word}` is not in:\n{shown}");
        }
        let literal = "return document.querySelector('#problems').textContent.includes('`' + 'source')";
        assert_eq!(browser.script(literal).await, false, "names are formatted as code, not between backticks");
        page.assert_clean();
    }

    caddy.configure(&PageConfig::new(Source::Http { url: "nowhere/".to_owned() }).to_json());
    let page = page::visit(&browser, &caddy.url).await;
    assert!(page.problems().contains("nowhere/") || page.problems().contains("source.url"), "{}", page.problems());
    assert_ne!(page.text_of("state"), "healthy");
}
