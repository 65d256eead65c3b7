//! The origins of web pages, in the form that browsers send.

/// The error for a string that is not a valid origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "invalid origin `{0}`: expected a scheme and a host without a path, as browsers send them, for example `https://status.example.com`"
)]
pub struct InvalidOrigin(String);

/// Validates an origin, or `*` for all origins.
pub fn validate_origin(origin: &str) -> Result<(), InvalidOrigin> {
    let invalid = || Err(InvalidOrigin(origin.to_owned()));
    if origin == "*" {
        return Ok(());
    }
    let Some(authority) = origin.strip_prefix("https://").or_else(|| origin.strip_prefix("http://")) else {
        return invalid();
    };
    // Colons inside the brackets of an IPv6 address do not separate a port.
    let after_host = authority.rfind(']').map_or(0, |end| end + 1);
    let (host, port) = match authority[after_host..].rsplit_once(':') {
        Some((rest, port)) => (&authority[..after_host + rest.len()], Some(port)),
        None => (authority, None),
    };
    let is_host = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-[]:_".contains(&byte);
    let is_valid_port = port.is_none_or(|port| port.parse::<u16>().is_ok());
    if host.is_empty() || !host.bytes().all(is_host) || !is_valid_port { invalid() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use crate::config::origin::validate_origin;

    #[test]
    fn origins_are_what_browsers_send() {
        for origin in ["https://status.example.com", "http://127.0.0.1:8080", "http://[::1]:8080", "https://[::1]", "*"]
        {
            assert_eq!(validate_origin(origin), Ok(()), "{origin}");
        }
        for origin in [
            "status.example.com",
            "https://status.example.com/",
            "https://status.example.com/page",
            "https://Status.example.com",
            "https://*.example.com",
            "https://",
            "https://a:b",
            "ftp://a",
            "https://a b",
            "",
        ] {
            assert!(validate_origin(origin).is_err(), "{origin}");
        }
    }
}
