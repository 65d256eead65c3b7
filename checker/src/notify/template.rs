//! JSON templates for webhook bodies: each string value in a JSON document is a template.
//!
//! A string that consists of one expression, such as `"{{ items }}"`, is replaced by the expression's value, of any
//! type. Other strings remain strings, so quotation marks in titles cannot break the JSON. Pure.

use std::collections::HashSet;

use minijinja::{Environment, ErrorKind, UndefinedBehavior};
use serde_json::{Map, Value};

/// The maximum number of template instructions per string. A loop over all items needs a few hundred.
const FUEL: u64 = 100_000;
/// The maximum length of a rendered string, in bytes.
const STRING_LIMIT: usize = 100_000;
/// The maximum depth of nested arrays and objects.
const DEPTH_LIMIT: usize = 32;

/// A JSON document whose strings are templates.
#[derive(Debug, Clone, PartialEq)]
pub struct BodyTemplate {
    document: Value,
}

/// The error for an invalid or failing template. It omits the template's text, which can contain a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("invalid template `{path}`: {reason}")]
pub struct TemplateError {
    /// The location in the document, such as `blocks[0].text`, or `body` for the document itself.
    pub path: String,
    pub reason: String,
}

impl BodyTemplate {
    /// Validates the syntax of every template in the document. Returns all errors.
    pub fn parse(document: Value) -> Result<BodyTemplate, Vec<TemplateError>> {
        let (environment, mut errors) = (environment(), Vec::new());
        transform(&document, String::new(), 0, &mut errors, &|source| {
            let kind = TemplateString::parse(&environment, source);
            match kind {
                TemplateString::Expression(_) => Ok(Value::Null),
                TemplateString::Text => {
                    environment.template_from_str(source).map(|_| Value::Null).map_err(|error| describe(&error))
                }
            }
        });
        if errors.is_empty() { Ok(BodyTemplate { document }) } else { Err(errors) }
    }

    /// Fills in the values. Fails if a template uses an unknown name, or needs too much time or memory. Returns all
    /// errors.
    pub fn render(&self, values: &Value) -> Result<Value, Vec<TemplateError>> {
        let (environment, mut errors) = (environment(), Vec::new());
        let context = minijinja::Value::from(minijinja::value::Serde(values.clone()));
        let unknown = |names: HashSet<String>| unknown_name(&environment, names, values);
        let rendered = transform(&self.document, String::new(), 0, &mut errors, &|source| match TemplateString::parse(
            &environment,
            source,
        ) {
            TemplateString::Expression(expression) => {
                let names = || expression.undeclared_variables(true);
                let value = expression.eval(&context).map_err(|error| match error.kind() {
                    ErrorKind::UndefinedError => unknown(names()),
                    _ => describe(&error),
                })?;
                if value.is_undefined() {
                    return Err(unknown(names()));
                }
                serde_json::to_value(&value).map_err(|_| "its value cannot be represented in JSON".to_owned())
            }
            TemplateString::Text => {
                let template = environment.template_from_str(source).map_err(|error| describe(&error))?;
                let text = template.render(&context).map_err(|error| match error.kind() {
                    ErrorKind::UndefinedError => unknown(template.undeclared_variables(true)),
                    _ => describe(&error),
                })?;
                if text.len() > STRING_LIMIT {
                    return Err(format!("its output is longer than {STRING_LIMIT} bytes"));
                }
                Ok(text.into())
            }
        });
        if errors.is_empty() { Ok(rendered) } else { Err(errors) }
    }
}

/// Joins the errors of several templates.
#[must_use]
pub fn join_errors(errors: &[TemplateError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

/// The maximum length of a name in an error, in bytes.
const NAME_LIMIT: usize = 20;

/// Describes the error for a template that uses one of these names although it has no value. An expression such as
/// `items[99]` has no such name.
fn unknown_name(environment: &Environment<'_>, names: HashSet<String>, values: &Value) -> String {
    let is_known = |name: &String| {
        let global = name.split('.').next().unwrap_or_default();
        environment.globals().any(|(known, _)| known == global)
            || name.split('.').try_fold(values, |value, key| value.get(key)).is_some()
    };
    // A long name could be a secret that was pasted without quotation marks.
    let name = names.into_iter().filter(|name| name.len() <= NAME_LIMIT && !is_known(name)).min();
    let what =
        name.map_or_else(|| "a value that does not exist".to_owned(), |name| format!("the unknown name `{name}`"));
    format!("it uses {what}; the documentation of `webhook` lists the names")
}

/// How a string in the document is rendered.
enum TemplateString<'env, 'source> {
    Expression(minijinja::Expression<'env, 'source>),
    Text,
}

impl<'env, 'source> TemplateString<'env, 'source> {
    fn parse(environment: &'env Environment<'source>, source: &'source str) -> TemplateString<'env, 'source> {
        let inner = source.trim().strip_prefix("{{").and_then(|rest| rest.strip_suffix("}}"));
        // Strip the hyphens of `{{-` and `-}}`: they trim surrounding whitespace, which has no effect here.
        let inner = inner.map(|inner| inner.strip_prefix('-').unwrap_or(inner));
        let inner = inner.map(|inner| inner.strip_suffix('-').unwrap_or(inner));
        match inner.filter(|inner| !inner.contains("{{")).map(|inner| environment.compile_expression(inner)) {
            Some(Ok(expression)) => TemplateString::Expression(expression),
            _ => TemplateString::Text,
        }
    }
}

fn environment() -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| minijinja::AutoEscape::None);
    environment.set_fuel(Some(FUEL));
    environment.set_debug(false);
    environment
}

/// Replaces every string value in a document, and collects the errors. Keys remain unchanged.
fn transform(
    value: &Value,
    path: String,
    depth: usize,
    errors: &mut Vec<TemplateError>,
    replace: &impl Fn(&str) -> Result<Value, String>,
) -> Value {
    let fail = |path: String, reason: String, errors: &mut Vec<TemplateError>| {
        errors.push(TemplateError { path: if path.is_empty() { "body".to_owned() } else { path }, reason });
        Value::Null
    };
    if depth > DEPTH_LIMIT {
        return fail(path, format!("it is nested more than {DEPTH_LIMIT} levels deep"), errors);
    }
    match value {
        Value::String(source) => replace(source).unwrap_or_else(|reason| fail(path, reason, errors)),
        Value::Array(elements) => {
            let mut transformed = Vec::with_capacity(elements.len());
            for (index, element) in elements.iter().enumerate() {
                transformed.push(transform(element, format!("{path}[{index}]"), depth + 1, errors, replace));
            }
            transformed.into()
        }
        Value::Object(members) => {
            let mut transformed = Map::new();
            for (key, member) in members {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                transformed.insert(key.clone(), transform(member, path, depth + 1, errors, replace));
            }
            transformed.into()
        }
        other => other.clone(),
    }
}

/// Describes an error without quoting the template.
fn describe(error: &minijinja::Error) -> String {
    match error.kind() {
        ErrorKind::SyntaxError => {
            let line = error.line().filter(|line| *line > 1).map(|line| format!(" in line {line}")).unwrap_or_default();
            format!("its syntax is invalid{line}; expected for example `{{{{ summary }}}}`")
        }
        ErrorKind::UnknownFilter => "it uses an unknown filter".to_owned(),
        ErrorKind::UnknownTest => "it uses an unknown test".to_owned(),
        ErrorKind::UnknownFunction | ErrorKind::UnknownMethod => "it uses an unknown function".to_owned(),
        ErrorKind::OutOfFuel => "it takes too long to render; remove nested loops".to_owned(),
        _ => "it fails; check the types of its values".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn render(document: Value) -> Result<Value, String> {
        let values = json!({ "summary": "\"Shop\" is \\ down\n", "more": 3, "items": [{ "title": "Shop" }, { "title": "}} {{" }] });
        let template = BodyTemplate::parse(document).map_err(|errors| join_errors(&errors))?;
        template.render(&values).map_err(|errors| join_errors(&errors))
    }

    #[test]
    fn a_quote_cannot_break_the_json() {
        let body = render(json!({ "text": "Alert: {{ summary }}", "plain": "{{ summary }}" })).unwrap();
        let summary = "\"Shop\" is \\ down\n";
        assert_eq!(body, json!({ "text": format!("Alert: {summary}"), "plain": summary }));
        let text = serde_json::to_string(&body).unwrap();
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), body);
    }

    #[test]
    fn a_single_expression_keeps_its_type() {
        let body = render(json!({
            "items": "{{ items }}", "count": " {{ more }} ", "is_many": "{{ more > 1 }}", "first": "{{ items[0].title }}",
            "nothing": "{{ none }}", "fixed": [1, true, null, "text"], "two": "{{ more }}{{ more }}",
        }));
        let expected = json!({
            "items": [{ "title": "Shop" }, { "title": "}} {{" }], "count": 3, "is_many": true, "first": "Shop",
            "nothing": null, "fixed": [1, true, null, "text"], "two": "33",
        });
        assert_eq!(body.unwrap(), expected);
    }

    #[test]
    fn a_template_can_contain_loops() {
        let body = render(json!("{% for item in items %}{{ loop.index }}. {{ item.title }}\n{% endfor %}"));
        assert_eq!(body.unwrap(), json!("1. Shop\n2. }} {{\n".trim_end_matches('\n').to_owned() + "\n"));
    }

    #[test]
    fn a_mistake_names_its_location() {
        for (document, error) in [
            (
                json!({ "a": [{ "b": "{{ summary" }] }),
                "invalid template `a[0].b`: its syntax is invalid; expected for example `{{ summary }}`",
            ),
            (
                json!("{{ unknown }}"),
                "invalid template `body`: it uses the unknown name `unknown`; the documentation of `webhook` lists the names",
            ),
            (
                json!({ "a": "x {{ unknown }}" }),
                "invalid template `a`: it uses the unknown name `unknown`; the documentation of `webhook` lists the names",
            ),
            (
                json!({ "a": "x {% for item in items %}{{ item.title }}{{ page.titel }}{% endfor %}" }),
                "invalid template `a`: it uses the unknown name `page.titel`; the documentation of `webhook` lists the names",
            ),
            (
                json!("{{ items[9] }}"),
                "invalid template `body`: it uses a value that does not exist; the documentation of `webhook` lists the names",
            ),
            (json!({ "a": "x {{ summary|loud }}" }), "invalid template `a`: it uses an unknown filter"),
            (
                json!({ "a": "{{ summary", "b": ["{{ more }}", "{{ more }}\n{% for %}"] }),
                "invalid template `a`: its syntax is invalid; expected for example `{{ summary }}`; invalid template `b[1]`: its syntax is invalid in line 2; expected for example `{{ summary }}`",
            ),
            (json!({ "a": "x {{ boom() }}" }), "invalid template `a`: it uses an unknown function"),
        ] {
            assert_eq!(render(document), Err(error.to_owned()));
        }
    }

    #[test]
    fn a_template_cannot_run_or_grow_without_limit() {
        let endless = "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}";
        let error = render(json!({ "a": endless })).unwrap_err();
        assert!(error.starts_with("invalid template `a`: "), "{error}");
        let mut nested = json!("x");
        for _ in 0..40 {
            nested = json!([nested]);
        }
        assert!(render(nested).unwrap_err().contains("nested more than 32 levels deep"));
    }
}
