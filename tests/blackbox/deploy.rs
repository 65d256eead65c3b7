//! The examples in `deploy/` are valid for their schedulers, as far as that can be tested without running them.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Stdio};

use k8s_openapi::api::batch::v1::CronJob;
use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::Value;
use shared::object_name::NodeName;
use shared::status::Status;
use support::checker::Checker;
use support::configuration::{check, directory, watching};
use support::endpoints::{Behavior, Endpoint, refused};
use support::program::Program;
use support::test_site::TestSite;
use support::{checker_binary, network_namespace, root, tool, wait_for};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

fn read(name: &str) -> String {
    let path = root().join("deploy").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Returns the warnings that `systemd-analyze verify` reports for these units. Valid units have none.
fn verified(units: &[(&str, String)]) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let paths: Vec<_> = units.iter().map(|(name, _)| folder.path().join(name)).collect();
    for (path, (_, text)) in paths.iter().zip(units) {
        let program = checker_binary().display().to_string();
        std::fs::write(path, text.replace("/usr/local/bin/checker", &program)).expect("the file can be written");
    }
    let output = Command::new(tool("systemd-analyze")).args(["verify", "--man=no"]).args(&paths).output();
    let output = output.expect("systemd-analyze runs");
    let errors = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    // `systemd-analyze` also reads the machine's units, which may have warnings.
    let ours = |line: &&str| units.iter().any(|(name, _)| line.contains(name));
    errors.lines().filter(ours).collect::<Vec<_>>().join("\n")
}

#[test]
fn systemd_accepts_the_units() {
    let units = ["checkup.service", "checkup.timer", "checkup-serve.service", "checkup@.service"]
        .map(|name| (name, read(name)));
    assert_eq!(verified(&units), "");
    let [(name, service), ..] = units;
    let odd = service.replace("StateDirectory=", "StateDirektory=");
    assert!(verified(&[(name, odd)]).contains("StateDirektory"), "a typo is detected");
    let odd = read("checkup@.service").replace("StateDirectory=", "StateDirektory=");
    assert!(verified(&[("checkup@.service", odd)]).contains("StateDirektory"), "a typo in a template is also detected");
}

#[test]
fn the_oneshot_unit_reads_a_configuration_for_root_only() {
    let unit = read("checkup.service");
    let line = |key: &str| unit.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default();
    assert_eq!(line("DynamicUser="), "yes", "its user cannot read root's files");
    assert_eq!(line("LoadCredential="), "checker.json:/etc/checkup/checker.json");
    assert!(line("ExecStart=").ends_with(" run -c ${CREDENTIALS_DIRECTORY}/checker.json"), "{unit}");
}

/// Fails unless this many endpoints were checked exactly once and are healthy. Returns the nodes that ran the checks.
fn nodes_that_checked_each_once(checker: &Checker, count: usize) -> BTreeSet<String> {
    let results = checker.all_results("checks");
    assert!(results.iter().all(|result| result.status == Status::Healthy), "{results:?}");
    let mut titles: Vec<String> = results.into_iter().map(|result| result.title).collect();
    titles.sort();
    let mut expected: Vec<String> = (0..count).map(|number| format!("Endpoint {number}")).collect();
    expected.sort();
    assert_eq!(titles, expected);
    checker.check_files("checks").into_iter().filter_map(|name| name.node).map(|node| node.to_string()).collect()
}

#[tokio::test]
async fn the_instances_of_the_sharded_unit_check_everything_once() {
    let unit = read("checkup@.service");
    let line = unit.lines().find_map(|line| line.strip_prefix("ExecStart=")).expect("it starts something");
    // Runs the unit's command for a single round. Other tests cover repeated rounds.
    let line = line.replace("/etc/checkup/checker.json", "checker.json").replace(" --every 1m", "");
    let ok = Endpoint::start(Behavior::ok()).await;
    let checks: Vec<Value> = (0..12).map(|number| check(&format!("Endpoint {number}"), &ok.url)).collect();
    let mut configuration = watching(&checks, &directory());
    configuration["summaries"] = Value::Bool(false);
    let checker = Checker::new(&configuration);
    for instance in ["1-3", "2-3", "3-3"] {
        let unescaped = Command::new(tool("systemd-escape")).args(["--unescape", instance]).output();
        let unescaped = String::from_utf8(unescaped.expect("systemd-escape runs").stdout).expect("it is text");
        let words = line.replace("%I", unescaped.trim()).replace("%i", instance);
        let mut words = words.split(' ');
        assert_eq!(words.next(), Some("/usr/local/bin/checker"));
        let run = checker.call(&words.collect::<Vec<_>>()).await;
        assert_eq!(run.code, 0, "{}", run.output());
    }
    let nodes = nodes_that_checked_each_once(&checker, 12);
    assert!(nodes.iter().all(|node| node.starts_with("shard-") && node.ends_with("-3")), "{nodes:?}");
}

/// Returns the value of a key in a unit, for one instance of the unit.
fn of_unit(name: &str, key: &str, instance: &str) -> Option<String> {
    let unit = read(name);
    Some(unit.lines().find_map(|line| line.strip_prefix(key))?.replace("%i", instance))
}

#[tokio::test]
async fn the_units_allow_pings_and_nothing_else() {
    let ping = serde_json::json!({ "type": "icmp", "endpoint_name": "Host", "endpoint_url": "127.0.0.1" });
    let checker = Checker::new(&watching(&[ping], &directory()));
    let status_with = async |rights: &str| {
        let way = network_namespace::with_capabilities(rights);
        let run = checker.call_by(&way, &["run", "-c", "checker.json", "--format", "json"]).await;
        run.results()[0].status
    };
    assert_eq!(status_with("").await, Status::Unknown, "pings need the capability");
    for name in ["checkup.service", "checkup-serve.service", "checkup@.service"] {
        let given = of_unit(name, "AmbientCapabilities=", "").expect("it grants permissions");
        assert_eq!(of_unit(name, "CapabilityBoundingSet=", "").as_ref(), Some(&given), "{name}: no other capability");
        assert_eq!(given, "CAP_NET_RAW", "{name}");
        assert_eq!(status_with(&given).await, Status::Healthy, "{name}");
    }
}

/// Whether a folder contains a file, at any depth.
fn has_file(folder: &Path) -> bool {
    let Ok(entries) = std::fs::read_dir(folder) else { return false };
    entries.map(|entry| entry.expect("it can be read").path()).any(|path| path.is_file() || has_file(&path))
}

#[tokio::test]
async fn a_unit_spools_rounds_in_its_state_directory() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let mut folders = BTreeSet::new();
    for (name, instance) in [
        ("checkup.service", ""),
        ("checkup-serve.service", ""),
        ("checkup@.service", "1-2"),
        ("checkup@.service", "2-2"),
    ] {
        let state = of_unit(name, "StateDirectory=", instance).expect("it has a folder");
        let home = of_unit(name, "Environment=XDG_STATE_HOME=", instance).expect("it names a folder");
        let checker = Checker::new(&watching(&[], &directory()));
        // The store's server refuses connections.
        let storage = serde_json::json!({
            "type": "s3", "bucket": "checks", "endpoint_url": refused(), "access_key_id": "a", "secret_access_key": "b",
        });
        checker.write("checker.json", &watching(&[check("Shop", &ok.url)], &storage).to_string());
        let home = checker.path(home.trim_start_matches('/'));
        let run = checker
            .call_with(&["run", "-c", "checker.json"], |command| {
                command.env("XDG_STATE_HOME", home);
            })
            .await;
        assert_ne!(run.code, 0, "{}", run.output());
        // systemd creates this folder below /var/lib. The unit cannot write to any other folder.
        assert!(has_file(&checker.path("var/lib").join(&state)), "{name}: {state} is empty:\n{}", run.output());
        folders.insert(state);
    }
    assert_eq!(folders.len(), 3, "each shard has its own folder: {folders:?}");
}

#[test]
fn daemon_units_reload_their_configuration() {
    for name in ["checkup-serve.service", "checkup@.service"] {
        assert_eq!(of_unit(name, "ExecReload=", "").as_deref(), Some("kill -HUP $MAINPID"), "{name}");
    }
}

/// Parses an example into the Kubernetes types, and fails if it contains an unknown key.
fn understood<T: serde::Serialize + serde::de::DeserializeOwned>(written: &Value) -> T {
    let typed: T = serde_json::from_value(written.clone()).expect("it has the types of its kind");
    assert_eq!(&serde_json::to_value(&typed).expect("it can be written"), written, "Kubernetes has every key");
    typed
}

#[tokio::test]
async fn kubernetes_and_the_checker_accept_the_cron_job() {
    let text = read("kubernetes/cronjob.yaml");
    let documents: Vec<Value> = serde_yaml_ng::Deserializer::from_str(&text)
        .map(|document| serde::Deserialize::deserialize(document).expect("it is YAML"))
        .collect();
    let [map, job] = documents.as_slice() else { panic!("two documents, not {}", documents.len()) };
    let (map, job): (ConfigMap, CronJob) = (understood(map), understood(job));

    let spec = job.spec.expect("it has a spec").job_template.spec.expect("it has one");
    assert_eq!(
        (spec.completion_mode.as_deref(), spec.completions, spec.parallelism),
        (Some("Indexed"), Some(5), Some(5))
    );
    let pod = spec.template.spec.expect("it has pods");
    let [container] = pod.containers.as_slice() else { panic!("one container") };
    let script = &container.args.as_ref().expect("it has arguments")[0];
    let volume = pod.volumes.iter().flatten().find(|volume| volume.name == "configuration").expect("it is mounted");
    assert_eq!(volume.config_map.as_ref().map(|source| &source.name), map.metadata.name.as_ref());

    let ok = Endpoint::start(Behavior::ok()).await;
    let checker = Checker::new(&watching(&[], &directory()));
    checker.write("config.json", &map.data.expect("it has files")["checker.json"]);
    let keys = ["CHECKUP_ACCESS_KEY_ID", "CHECKUP_SECRET_ACCESS_KEY"];
    let validated = checker
        .call_with(&["validate", "-c", "config.json"], |command| {
            command.envs(keys.map(|key| (key, "value")));
        })
        .await;
    assert_eq!(validated.code, 0, "{}", validated.output());

    // Runs the container's command with a directory store. Together, five shards check every endpoint once.
    let checks: Vec<Value> = (0..20).map(|number| check(&format!("Endpoint {number}"), &ok.url)).collect();
    checker.configure(&watching(&checks, &directory()));
    let line = script.replace("exec checker", &checker_binary().display().to_string());
    let line = line.replace("/etc/checkup/checker.json", "checker.json");
    for index in 0..5 {
        let mut shell = tokio::process::Command::new("/bin/sh");
        shell.args(["-c", &line]).env("JOB_COMPLETION_INDEX", index.to_string()).current_dir(checker.folder.path());
        let output = shell.stdin(Stdio::null()).output().await.expect("the shell runs");
        assert!(output.status.success(), "{line}\n{}", String::from_utf8_lossy(&output.stderr));
    }
    let nodes = nodes_that_checked_each_once(&checker, 20);
    assert!(nodes.iter().all(|node| node.starts_with("shard-")) && nodes.len() > 1, "{nodes:?}");
}

/// Returns the errors that cfn-lint reports for a template. A valid template has none.
fn linted(text: &str) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("template.yaml");
    std::fs::write(&path, text).expect("the file can be written");
    let output = Command::new(tool("cfn-lint")).arg(&path).output().expect("cfn-lint runs");
    let errors = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.success(), errors.is_empty(), "{errors}");
    errors
}

#[test]
fn cloudformation_accepts_the_template() {
    let template = read("lambda/template.yaml");
    assert_eq!(linted(&template), "");
    for (right, slip) in [
        ("MemorySize:", "MemorySizze:"),
        ("Serverless::Function", "Serverless::Funktion"),
        ("PackageType: Image", "PackageType: I"),
    ] {
        assert!(template.contains(right) && !linted(&template.replace(right, slip)).is_empty(), "{slip} is found");
    }
}

/// Lists reasons why the commands in a Dockerfile's header cannot build the image, judging from the files in the
/// repository.
fn obstacles_to_image(name: &str, text: &str) -> Vec<String> {
    let mut obstacles = Vec::new();
    let exists = |path: &str| root().join(path).is_file();
    let commands: Vec<&str> = text.lines().map_while(|line| line.strip_prefix('#')).map(str::trim).collect();
    let built = commands.iter().find_map(|line| line.strip_prefix("docker build -f ")).expect("it has the command");
    let [file, "-t", _, context] = built.split(' ').collect::<Vec<_>>()[..] else { panic!("{built}") };
    if file != format!("deploy/{name}") {
        obstacles.push(format!("{file} is another file"));
    }
    // `make release` builds the program into the build context. Other files must first be copied there by commands that
    // run in the root folder.
    let makefile = std::fs::read_to_string(root().join("Makefile")).expect("it exists");
    let profile = context.strip_prefix("target/").unwrap_or_default();
    if !commands.iter().any(|line| line.contains(&format!("`make {profile}`")))
        || !makefile.contains(&format!("\n{profile}: "))
        || !makefile.contains(&format!("cargo build --{profile} -p checker"))
    {
        obstacles.push(format!("no command builds {context}"));
    }
    let mut there = vec!["checker".to_owned()];
    for line in commands.iter().filter_map(|line| line.strip_prefix("cp ")) {
        let mut words: Vec<&str> = line.split(' ').collect();
        if words.pop().map(|target| target.trim_end_matches('/')) != Some(context) {
            obstacles.push(format!("{line} copies to another folder"));
        }
        for source in words {
            // Users provide this file themselves.
            if source != "checker.json" && !exists(source) {
                obstacles.push(format!("{source} does not exist"));
            }
            there.push(source.rsplit('/').next().unwrap_or_default().to_owned());
        }
    }
    let mut copied = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let words: Vec<&str> = line.split(' ').filter(|word| !word.starts_with("--chmod=")).collect();
        match words.as_slice() {
            ["COPY", source, target] if there.iter().any(|name| name == source) => {
                copied.push(format!("[\"{target}\"]"));
            }
            ["ENTRYPOINT", program] if copied.iter().any(|target| target == program) => {}
            // An image without `RUN` does not install packages, so it has no package versions to pin.
            ["FROM", "debian:12-slim" | "buildpack-deps:bookworm-curl"] | ["USER", "65534:65534"] => {}
            _ => obstacles.push(line.to_owned()),
        }
    }
    obstacles
}

#[test]
fn dockerfiles_copy_files_that_their_commands_provide() {
    for name in ["Dockerfile", "lambda/Dockerfile"] {
        let text = read(name);
        assert_eq!(obstacles_to_image(name, &text), [""; 0]);
        for (right, slip) in [
            ("COPY checker ", "COPY checkup "),
            ("`make release`", "`make produce`"),
            ("ENTRYPOINT [\"/usr", "ENTRYPOINT [\"/opt"),
            ("COPY", "COPPY"),
            ("COPY", "RUN apt-get install -y curl\nCOPY"),
            ("-f deploy/", "-f "),
        ] {
            let odd = text.replacen(right, slip, 1);
            assert!(odd != text && !obstacles_to_image(name, &odd).is_empty(), "{slip} is detected in {name}");
        }
    }
    let lambda = read("lambda/Dockerfile").replace("cp deploy/lambda/bootstrap", "cp deploy/bootstrap");
    assert_eq!(obstacles_to_image("lambda/Dockerfile", &lambda), ["deploy/bootstrap does not exist"]);
}

/// Returns the template's policy with these parameters substituted for `Fn::Sub`.
fn substituted(written: &Value, parameters: &[(&str, &str)]) -> Value {
    match written {
        Value::Object(members) => match members.get("Fn::Sub") {
            Some(Value::String(text)) => {
                let replaced = parameters
                    .iter()
                    .fold(text.clone(), |text, (name, value)| text.replace(&format!("${{{name}}}"), value));
                assert!(!replaced.contains("${"), "{replaced}");
                Value::String(replaced)
            }
            _ => members.iter().map(|(key, value)| (key.clone(), substituted(value, parameters))).collect(),
        },
        Value::Array(elements) => elements.iter().map(|element| substituted(element, parameters)).collect(),
        other => other.clone(),
    }
}

#[tokio::test]
async fn the_functions_role_has_exactly_a_writers_permissions() {
    let template: Value = serde_yaml_ng::from_str(&read("lambda/template.yaml")).expect("it is YAML");
    let function = &template["Resources"]["Round"];
    assert_eq!(function["Type"], "AWS::Serverless::Function");
    let properties = &function["Properties"];
    for name in ["CHECKUP_NODE", "CHECKUP_SHARD"] {
        let parameter = properties["Environment"]["Variables"][name]["Ref"].as_str().expect("it is a parameter");
        assert!(template["Parameters"][parameter].is_object(), "{parameter}");
        assert!(read("lambda/bootstrap").contains(&format!("${{{name}:-")), "{name} is read");
    }

    // The template expects a bucket without a prefix.
    let mut site = TestSite::new().await;
    site.bucket.prefix.clear();
    let words = ["--writer", "lambda-1", "--check-expiry", "30d", "--origin", "https://status.example", "--dry-run"];
    let run = site.call("provision", &words, "").await;
    assert_eq!(run.code, 0, "{}", run.output());
    let plan: Value = serde_json::from_str(&run.stdout).expect("a plan is JSON");
    let mut steps = plan["steps"].as_array().expect("there are steps").iter();
    let is_the_writers = |step: &&Value| step["call"] == "iam:PutUserPolicy" && step.to_string().contains("lambda-1");
    let writers = &steps.find(is_the_writers).expect("a writer gets a policy")["document"];
    let parameters = [("AWS::Partition", "aws"), ("Bucket", site.bucket.name.as_str()), ("Node", "lambda-1")];
    assert_eq!(&substituted(&properties["Policies"][0], &parameters), writers);
}

/// Receives the function's next request to Lambda's runtime API, and returns its request line and body.
async fn request(listener: &TcpListener) -> (TcpStream, String, String) {
    let (mut stream, _) = listener.accept().await.expect("a connection");
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) {
                return (stream, head.lines().next().unwrap_or_default().to_owned(), body.to_owned());
            }
        }
        let mut chunk = [0; 1_024];
        let count = stream.read(&mut chunk).await.expect("it is read");
        assert!(count > 0, "the request is complete: {text}");
        bytes.extend_from_slice(&chunk[..count]);
    }
}

#[tokio::test]
async fn each_invocation_of_the_function_is_a_round() {
    let ok = Endpoint::start(Behavior::ok()).await;
    let checker = Checker::new(&watching(&[check("Shop", &ok.url)], &directory()));
    std::fs::create_dir(checker.path("bin")).expect("the folder can be created");
    std::os::unix::fs::symlink(checker_binary(), checker.path("bin/checker")).expect("the link can be created");
    let path = format!("{}:{}", checker.path("bin").display(), std::env::var("PATH").unwrap_or_default());
    let api = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = api.local_addr().expect("an address").to_string();
    let function = Program::start(&root().join("deploy/lambda/bootstrap"), |command| {
        command.env("AWS_LAMBDA_RUNTIME_API", &address).env("CHECKUP_CONFIG", checker.path("checker.json"));
        command.env("PATH", &path).env("CHECKUP_NODE", "lambda-1").env("CHECKUP_SHARD", "1/1");
    });
    let base = "/2018-06-01/runtime/invocation";
    for (id, outcome) in [("first", "response"), ("second", "error")] {
        let (mut stream, line, _) = request(&api).await;
        assert_eq!(line, format!("GET {base}/next HTTP/1.1"));
        if outcome == "error" {
            checker.write("checker.json", "{");
        }
        let answer = format!(
            "HTTP/1.1 200 OK\r\nLambda-Runtime-Aws-Request-Id: {id}\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{{}}"
        );
        stream.write_all(answer.as_bytes()).await.expect("it is written");
        let (mut stream, line, body) = request(&api).await;
        assert_eq!(line, format!("POST {base}/{id}/{outcome} HTTP/1.1"), "{body}");
        let accepted = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        stream.write_all(accepted).await.expect("it is written");
        let stored = checker.check_files("checks");
        assert_eq!(stored.len(), 1, "{stored:?}");
        assert_eq!(stored[0].node.as_ref().map(NodeName::as_str), Some("lambda-1"));
    }
    wait_for("the function's log", || async { function.output().contains("invalid configuration").then_some(()) })
        .await;
}
