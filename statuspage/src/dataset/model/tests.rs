use super::*;
use shared::MINUTE;
use shared::history::Series;
use shared::status::Status;

fn file(at: UnixNanos, titles: &[&str]) -> (CheckFileName, CheckFile) {
    let results = titles
        .iter()
        .map(|title| CheckResult {
            title: (*title).to_owned(),
            timestamp: at,
            status: Status::Healthy,
            message: if *title == "A" { "hello".to_owned() } else { String::new() },
            ..CheckResult::default()
        })
        .collect();
    (CheckFileName { stored_at: at, node: None }, CheckFile { results, skipped: Vec::new() })
}

fn dataset_of(files: &[(CheckFileName, CheckFile)]) -> Dataset {
    let mut dataset = Dataset::default();
    for (name, file) in files {
        dataset.add(name, file.clone());
    }
    dataset.sort_samples();
    dataset
}

#[test]
fn a_file_is_added_only_once() {
    let one = file(MINUTE, &["A"]);
    let dataset = dataset_of(&[one.clone(), one]);
    assert_eq!((dataset.file_count(), dataset.endpoints[0].nodes[0].samples.len()), (1, 1));
}

#[test]
fn endpoints_are_identified_by_title_in_any_order() {
    let files = [["D", "B"], ["C", "A"], ["B", "D"], ["A", "C"]];
    let files: Vec<_> = (1..).zip(files).map(|(minute, titles)| file(minute * MINUTE, &titles)).collect();
    let dataset = dataset_of(&files);
    let titles: Vec<&str> = dataset.endpoints.iter().map(|endpoint| endpoint.key.title.as_str()).collect();
    assert_eq!(titles, ["D", "B", "C", "A"]);
    assert!(dataset.endpoints.iter().all(|endpoint| endpoint.nodes[0].samples.len() == 2));
}

#[test]
fn the_order_of_arrival_does_not_matter() {
    let (one, two) = (file(MINUTE, &["A", "B"]), file(2 * MINUTE, &["B", "A"]));
    for dataset in [dataset_of(&[one.clone(), two.clone()]), dataset_of(&[two, one])] {
        let a = dataset.endpoints.iter().find(|endpoint| endpoint.key.title == "A").expect("it was seen");
        assert_eq!(a.position, 1);
        assert_eq!(a.nodes[0].samples.iter().map(|sample| sample.at).collect::<Vec<_>>(), [MINUTE, 2 * MINUTE]);
    }
}

#[test]
fn the_position_of_a_result_takes_precedence_over_its_index() {
    let (name, mut one) = file(MINUTE, &["A", "B"]);
    one.results[0].position = Some(7);
    let positions: Vec<usize> = dataset_of(&[(name, one)]).endpoints.iter().map(|endpoint| endpoint.position).collect();
    assert_eq!(positions, [7, 1]);
}

#[test]
fn the_longest_interval_ignores_nodes_with_a_history() {
    let (name, mut one) = file(MINUTE, &["A", "B"]);
    (one.results[0].interval, one.results[1].interval) = (Some(MINUTE), Some(3 * MINUTE));
    let mut dataset = dataset_of(&[(name, one)]);
    assert_eq!(dataset.longest_interval(), 3 * MINUTE);
    let history = NodeHistory { timeline: StatusTimeline::default(), samples: Vec::new(), open: Series::default() };
    dataset.endpoints[1].nodes[0].history = Some(history);
    assert_eq!(dataset.longest_interval(), MINUTE);
}

#[test]
fn files_outside_the_range_are_dropped() {
    let mut dataset = dataset_of(&[file(MINUTE, &["A"]), file(2 * MINUTE, &["B"])]);
    dataset.drop_before(2 * MINUTE);
    assert_eq!(dataset.file_count(), 1);
    assert!(dataset.endpoints[0].nodes.is_empty() && dataset.messages.is_empty());
    assert_eq!(dataset.endpoints[1].nodes[0].samples.len(), 1);
}

#[test]
fn two_titles_of_one_url_are_two_endpoints() {
    assert_eq!(dataset_of(&[file(MINUTE, &["A", "B"])]).endpoints.len(), 2);
}

fn named(node: &str, at: UnixNanos, titles: &[String], status: Status) -> (CheckFileName, CheckFile) {
    let result = |title: &String| CheckResult { title: title.clone(), timestamp: at, status, ..CheckResult::default() };
    let name = CheckFileName { stored_at: at, node: NodeName::new(node).ok() };
    (name, CheckFile { results: titles.iter().map(result).collect(), skipped: Vec::new() })
}

fn titles(prefix: &str, count: usize) -> Vec<String> {
    (0..count).map(|number| format!("{prefix}{number}")).collect()
}

#[test]
fn one_node_cannot_crowd_out_another() {
    let down = ["Down".to_owned()];
    let mut files = vec![named("flood", 9, &titles("f", ENDPOINTS.node + 50), Status::Healthy)];
    // More nodes than there is room for.
    let others = ENDPOINTS.total / ENDPOINTS.node + 1;
    files.extend((1..others).map(|number| {
        let node = format!("flood-{number}");
        named(&node, 8, &titles(&node, ENDPOINTS.node), Status::Healthy)
    }));
    files.push(named("eu", 7, &down, Status::Down));
    files.push(named("us", 6, &titles("us", 200), Status::Healthy));
    files.push(named("flood", 5, &["Flood down".to_owned()], Status::Down));
    let dataset = dataset_of(&files);
    assert!(dataset.left_out() >= 50, "{}", dataset.left_out());
    let shown = |title: &str| dataset.endpoints.iter().any(|endpoint| endpoint.key.title == title);
    assert!(shown("Down") && shown("us199") && shown("Flood down"));
    assert!(dataset.endpoints.len() <= ENDPOINTS.total + others * ENDPOINTS.total / crate::dataset::NODES_LIMIT);
}

#[test]
fn omissions_are_forgotten_when_their_file_is_dropped() {
    let mut dataset = dataset_of(&[
        named("flood", MINUTE, &titles("f", ENDPOINTS.node + 7), Status::Healthy),
        named("flood", 2 * MINUTE, &titles("f", 1), Status::Healthy),
    ]);
    assert_eq!(dataset.left_out(), 7);
    dataset.drop_before(2 * MINUTE);
    assert_eq!((dataset.left_out(), dataset.nodes[0].endpoints), (0, 1));
}

#[test]
fn endpoints_that_are_not_healthy_come_first() {
    let mut builder_input = titles("f", ENDPOINTS.node);
    builder_input.push("last".to_owned());
    let (name, mut file) = named("flood", MINUTE, &builder_input, Status::Healthy);
    file.results.last_mut().expect("there are some").status = Status::Down;
    let (mut history, mut latencies) =
        (shared::history::History::new(name.node.clone()), shared::history::Latencies::default());
    let mut builder = shared::history::HistoryBuilder::append(&mut history, &mut latencies);
    builder.add(&name, &file);
    builder.finish(Nanos::MAX);
    let rows = HistoryRows::parse(history.to_json().as_bytes()).expect("we wrote it");
    for is_history in [false, true] {
        let mut dataset = Dataset::default();
        if is_history {
            dataset.add_history(rows.clone(), UnixNanos::MAX);
        } else {
            dataset.add(&name, file.clone());
        }
        let is_kept = dataset.endpoints.iter().any(|endpoint| endpoint.key.title == "last");
        assert!(is_kept, "from a history: {is_history}");
    }
}

#[test]
fn a_message_that_is_also_a_post_is_not_shown_from_results() {
    let (name, mut file) = named("a", 1, &titles("f", 2), Status::Healthy);
    for result in &mut file.results {
        result.message = "We know.".to_owned();
    }
    file.results[0].post = Some(Box::new("1795330254340493978-anna".parse().expect("an id")));
    let mut dataset = Dataset::default();
    dataset.add(&name, file);
    let about: Vec<&[usize]> = dataset.messages.iter().map(|message| message.about.as_slice()).collect();
    assert_eq!(about, [&[1]]);
}

#[test]
fn messages_of_one_node_are_limited() {
    let mut dataset = Dataset::default();
    for number in 0..=MESSAGES.node {
        let (name, mut file) = named("flood", number as i64 + 1, &titles("f", 1), Status::Healthy);
        file.results[0].message = format!("message {number}");
        dataset.add(&name, file);
    }
    assert_eq!((dataset.messages.len(), dataset.nodes[0].messages_left_out), (MESSAGES.node, true));
}

/// Returns a check file with a single result, whose endpoint has this title and id.
fn file_with_id(minute: i64, title: &str, id: Option<&str>) -> (CheckFileName, CheckFile) {
    let (name, mut file) = file(minute * MINUTE, &[title]);
    file.results[0].id = id.map(Into::into);
    (name, file)
}

#[test]
fn an_id_connects_results_with_different_titles() {
    // These files are sorted from newest to oldest, as the loader adds them.
    let files = [("Other", Some("y")), ("Store", None), ("Store", Some("x")), ("Shop", Some("x")), ("Shop", None)];
    let files: Vec<_> = (1..).zip(files).map(|(age, (title, id))| file_with_id(9 - age, title, id)).collect();
    let rows = |files: &[(CheckFileName, CheckFile)]| {
        let endpoints = dataset_of(files).endpoints;
        endpoints.iter().map(|one| (one.key.title.clone(), one.nodes[0].samples.len())).collect::<Vec<_>>()
    };
    let row = |title: &str, count: usize| (title.to_owned(), count);
    assert_eq!(rows(&files[2..4]), [row("Store", 2)]);
    assert_eq!(rows(&files[3..]), [row("Shop", 2)]);
    assert_eq!(rows(&files[1..3]), [row("Store", 2)]);
    assert_eq!(rows(&files[..1]), [row("Other", 1)]);
    let mut by_two_nodes = files[1..3].to_vec();
    by_two_nodes[0].0.node = NodeName::new("old").ok();
    assert_eq!(dataset_of(&by_two_nodes).endpoints.len(), 1, "a node without the id has the same title");
}

#[test]
fn endpoints_with_different_ids_are_separate() {
    let files = [file_with_id(1, "Shop", Some("x")), file_with_id(2, "Shop", Some("y")), file_with_id(3, "A", None)];
    assert_eq!(dataset_of(&files).endpoints.len(), 3);
}
