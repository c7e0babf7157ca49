//! Removes secrets from URLs: user names, passwords and tokens.

use std::borrow::Cow;

/// The text that replaces a secret in messages.
const REDACTED: &str = "[redacted]";

/// The query parameters whose values are secrets.
const SECRET_PARAMETERS: [&str; 7] = [
    "access_token",
    "auth",
    "key",
    "password",
    "secret",
    "sig",
    "token",
];

/// Replaces the secrets in every URL of `text`, for messages: the user and password before a host,
/// and parameters such as `token`. The user of an SSH address is an account name and not a secret.
pub(crate) fn redact(text: &str) -> Cow<'_, str> {
    rewrite(text, Purpose::Message)
}

/// Removes the secrets from every URL of `text`, for use in an environment.
pub(crate) fn strip(text: &str) -> Cow<'_, str> {
    rewrite(text, Purpose::Environment)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Message,
    Environment,
}

fn rewrite(text: &str, purpose: Purpose) -> Cow<'_, str> {
    let mut rest = text;
    let mut result = String::new();
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        let is_ssh = before.ends_with("ssh://");
        let url = &after[..url_end(after)];
        result.push_str(before);
        result.push_str(&without_secrets(url, is_ssh, purpose));
        rest = &after[url.len()..];
    }
    if result.is_empty() {
        return Cow::Borrowed(text);
    }
    result.push_str(rest);
    Cow::Owned(result)
}

/// Returns the length of the URL at the start of `text`, after its scheme.
fn url_end(text: &str) -> usize {
    let is_end = |c: char| c.is_whitespace() || c.is_control() || "\"'`<>\\".contains(c);
    let end = text.find(is_end).unwrap_or(text.len());
    // Two URLs may be joined by anything that a URL may contain.
    let next = text[..end].find("://").map_or(end, |next| {
        let is_scheme = |c: char| c.is_ascii_alphanumeric() || "+-.".contains(c);
        text[..next].trim_end_matches(is_scheme).len()
    });
    next.min(end)
}

fn without_secrets(url: &str, is_ssh: bool, purpose: Purpose) -> String {
    let end = url.find(['/', '?', '#']).unwrap_or(url.len());
    let (authority, rest) = url.split_at(end);
    let authority = match authority.rsplit_once('@') {
        None => authority.to_owned(),
        Some((user, host)) if is_ssh && !user.contains(':') => format!("{user}@{host}"),
        Some((_, host)) if purpose == Purpose::Environment => host.to_owned(),
        Some((_, host)) => format!("{REDACTED}@{host}"),
    };
    format!("{authority}{}", query_without_secrets(rest, purpose))
}

fn query_without_secrets(path: &str, purpose: Purpose) -> Cow<'_, str> {
    let Some((path, query)) = path.split_once('?') else {
        return Cow::Borrowed(path);
    };
    let (query, fragment) = match query.split_once('#') {
        Some((query, fragment)) => (query, format!("#{fragment}")),
        None => (query, String::new()),
    };
    let parameters = query.split('&').filter_map(|parameter| {
        let (name, _) = parameter.split_once('=').unwrap_or((parameter, ""));
        let name_lower = name.to_ascii_lowercase();
        let is_secret = SECRET_PARAMETERS
            .iter()
            .any(|secret| name_lower.ends_with(secret));
        match purpose {
            _ if !is_secret => Some(parameter.to_owned()),
            Purpose::Environment => None,
            Purpose::Message => Some(format!("{name}={REDACTED}")),
        }
    });
    let parameters: Vec<_> = parameters.collect();
    match parameters.is_empty() {
        true => Cow::Owned(format!("{path}{fragment}")),
        false => Cow::Owned(format!("{path}?{}{fragment}", parameters.join("&"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_show_urls_without_their_secrets() {
        for (text, expected) in [
            ("no URL at all: a@b", "no URL at all: a@b"),
            ("https://a.invalid/x@1", "https://a.invalid/x@1"),
            (
                "fetch `sparse+https://me:s3cret@a.invalid/index/` failed",
                "fetch `sparse+https://[redacted]@a.invalid/index/` failed",
            ),
            ("https://s3cret@a.invalid", "https://[redacted]@a.invalid"),
            ("http://u:p@w@proxy:80,x", "http://[redacted]@proxy:80,x"),
            (
                "\"https://u:p@a/\",\"https://v:q@b/\"",
                "\"https://[redacted]@a/\",\"https://[redacted]@b/\"",
            ),
            (
                "https://u:p@a/,https://v:q@b/",
                "https://[redacted]@a/,https://[redacted]@b/",
            ),
            (
                "https://a/?x=1&access_token=s3cret#y",
                "https://a/?x=1&access_token=[redacted]#y",
            ),
            ("ssh://git@a.invalid/x", "ssh://git@a.invalid/x"),
            (
                "git+ssh://git:pw@a.invalid",
                "git+ssh://[redacted]@a.invalid",
            ),
            ("://", "://"),
        ] {
            assert_eq!(redact(text), expected, "{text}");
        }
    }

    #[test]
    fn environments_get_urls_without_their_secrets() {
        for (text, expected) in [
            (
                "sparse+https://me:s3cret@a.invalid/index/",
                "sparse+https://a.invalid/index/",
            ),
            ("https://a/?token=s3cret", "https://a/"),
            ("https://a/?rev=1&token=s3cret", "https://a/?rev=1"),
            ("ssh://git@a/x", "ssh://git@a/x"),
        ] {
            assert_eq!(strip(text), expected, "{text}");
        }
    }
}
