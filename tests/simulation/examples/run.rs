fn main() {
    let args: Vec<u64> = std::env::args().skip(1).map(|a| a.parse().unwrap()).collect();
    let start = std::time::Instant::now();
    match simulation::run(args[0]..args[1]) {
        Ok(c) => println!("{c} ({:?})", start.elapsed()),
        Err(v) => {
            println!("{v}");
            std::process::exit(1)
        }
    }
}
