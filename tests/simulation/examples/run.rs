use std::sync::Mutex;
fn main() {
    let args: Vec<u64> = std::env::args().skip(1).map(|a| a.parse().unwrap()).collect();
    let start = std::time::Instant::now();
    let total = Mutex::new((simulation::Counts::default(), Vec::new()));
    let next = std::sync::atomic::AtomicU64::new(args[0]);
    std::thread::scope(|s| {
        for _ in 0..2 {
            s.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    if seed >= args[1] {
                        break;
                    }
                    let r = simulation::run_world(seed);
                    let mut t = total.lock().unwrap();
                    match r {
                        Ok(c) => t.0.add(&c),
                        Err(v) => t.1.push((v.seed, v.problem.clone(), v.to_string())),
                    }
                }
            });
        }
    });
    let mut t = total.into_inner().unwrap();
    t.1.sort();
    println!("{} ({:?}) {} violations", t.0, start.elapsed(), t.1.len());
    for v in t.1.iter().take(25) {
        println!("{} {}", v.0, v.1);
    }
    for v in t.1.iter().take(4) {
        println!("{}", v.2);
    }
}
