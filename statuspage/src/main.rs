//! Mounts the page. Everything else is in the library, so its pure parts can be tested natively.

fn main() {
    statuspage::app::mount();
}
