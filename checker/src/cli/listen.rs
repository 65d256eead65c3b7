//! The address of the web server, in the short forms that operators type.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The name of the host for this machine only.
const LOCALHOST: &str = "localhost";

/// Parses an address: `127.0.0.1:8080`, `localhost:8080`, `:8080` for all addresses of this machine, or only a port,
/// which is then reachable from this machine only.
pub fn parse_listen(text: &str) -> Result<SocketAddr, String> {
    let refused = || {
        format!(
            "invalid address `{text}`: expected for example `8080`, `localhost:8080`, `0.0.0.0:8080` or `[::1]:8080`"
        )
    };
    let port = |text: &str| {
        let is_number = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse().ok().filter(|_| is_number).ok_or_else(refused)
    };
    let with_port = |ip: Ipv4Addr, text| Ok(SocketAddr::new(IpAddr::V4(ip), port(text)?));
    match text.rsplit_once(':') {
        None => with_port(Ipv4Addr::LOCALHOST, text),
        Some(("", number)) => with_port(Ipv4Addr::UNSPECIFIED, number),
        Some((host, number)) if host.eq_ignore_ascii_case(LOCALHOST) => with_port(Ipv4Addr::LOCALHOST, number),
        Some(_) => text.parse().map_err(|_| refused()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_accepted_in_their_short_forms() {
        for (text, address) in [
            ("127.0.0.1:8080", "127.0.0.1:8080"),
            ("localhost:8460", "127.0.0.1:8460"),
            ("Localhost:8460", "127.0.0.1:8460"),
            (":8460", "0.0.0.0:8460"),
            ("80", "127.0.0.1:80"),
            ("0", "127.0.0.1:0"),
            ("[::1]:80", "[::1]:80"),
        ] {
            assert_eq!(parse_listen(text).map(|address| address.to_string()), Ok(address.to_owned()), "{text}");
        }
    }

    #[test]
    fn other_addresses_are_refused() {
        for text in ["", ":", "localhost", "localhost:", "shop.example:80", "70000", "+80", "::1", "127.0.0.1", ":http"]
        {
            let error = parse_listen(text).expect_err(text);
            assert!(error.starts_with(&format!("invalid address `{text}`: expected for example `8080`")), "{error}");
        }
    }
}
