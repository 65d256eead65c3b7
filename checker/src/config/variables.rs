//! Replaces environment variables in strings: `${NAME}` and `${NAME:-default}`.

/// Replaces variables. `$$` becomes a dollar sign. An error states which variable is missing or malformed.
pub(super) fn expand(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<String, String> {
    let mut expanded = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        expanded.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(after) = rest.strip_prefix("$$") {
            expanded.push('$');
            rest = after;
        } else if let Some(after) = rest.strip_prefix("${") {
            let Some((inside, tail)) = after.split_once('}') else {
                return Err("unclosed `${`: add a `}`, or write `$$` for a dollar sign".to_owned());
            };
            let (name, default) =
                inside.split_once(":-").map_or((inside, None), |(name, default)| (name, Some(default)));
            if name.is_empty() || !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
                return Err(format!(
                    "invalid variable `${{{inside}}}`: expected `${{NAME}}` or `${{NAME:-default}}`; write `$$` for a dollar sign"
                ));
            }
            match (variable(name), default) {
                (Some(value), _) if !value.is_empty() || default.is_none() => expanded.push_str(&value),
                (_, Some(default)) => expanded.push_str(default),
                // A lowercase name is more likely to be a shell variable than an environment variable.
                _ if name.bytes().any(|byte| byte.is_ascii_lowercase()) => {
                    return Err(format!(
                        "the environment variable `{name}` is not set: set it, write `${{{name}:-default}}`, or \
                         `$${{{name}}}` for a shell variable"
                    ));
                }
                _ => {
                    return Err(format!(
                        "the environment variable `{name}` is not set: set it, or write `${{{name}:-default}}`"
                    ));
                }
            }
            rest = tail;
        } else {
            expanded.push('$');
            rest = &rest[1..];
        }
    }
    expanded.push_str(rest);
    Ok(expanded)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn environment(name: &str) -> Option<String> {
        match name {
            "KEY" => Some("secret".to_owned()),
            "EMPTY" => Some(String::new()),
            _ => None,
        }
    }

    #[test]
    fn variables_and_their_defaults_are_replaced() {
        for (text, expanded) in [
            ("${KEY}", "secret"),
            ("a-${KEY}-b-${KEY}", "a-secret-b-secret"),
            ("${NONE:-fallback}", "fallback"),
            ("${EMPTY:-fallback}", "fallback"),
            ("${EMPTY}", ""),
            ("${KEY:-fallback}", "secret"),
            ("${NONE:-}", ""),
            ("costs 5 $ or $$5 and $${KEY}", "costs 5 $ or $5 and ${KEY}"),
        ] {
            assert_eq!(expand(text, &environment).as_deref(), Ok(expanded), "{text}");
        }
    }

    #[test]
    fn a_missing_variable_is_named() {
        assert!(expand("${NONE}", &environment).is_err_and(|error| error.contains("`NONE` is not set")));
        assert!(expand("${i}", &environment).is_err_and(|error| error.contains("`$${i}` for a shell variable")));
        assert!(expand("${NO NE}", &environment).is_err());
        assert!(expand("${KEY", &environment).is_err_and(|error| error.contains("$$")));
    }

    proptest! {
        #[test]
        fn expanding_never_panics(text in ".{0,80}") {
            let _ = expand(&text, &environment);
        }
    }
}
