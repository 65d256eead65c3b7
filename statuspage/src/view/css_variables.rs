//! The configured appearance as CSS custom properties, which `style/tokens.css` uses. Their values have been validated
//! by the configuration's parser.

use shared::page_config::appearance::{Appearance, FONTS};

/// Returns the names and values of the properties to set.
#[must_use]
pub fn properties(appearance: &Appearance) -> Vec<(String, String)> {
    let mut properties = Vec::new();
    for (theme, colors) in ["light", "dark"].into_iter().zip(&appearance.colors) {
        properties.extend(colors.iter().map(|(name, color)| (format!("--{theme}-{name}"), color.clone())));
    }
    properties.extend(appearance.radius.map(|radius| ("--radius".to_owned(), format!("{radius}px"))));
    let font = FONTS.iter().find(|(name, _)| appearance.font.as_deref() == Some(name));
    properties.extend(font.map(|(_, families)| ("--font".to_owned(), (*families).to_owned())));
    properties
}

#[cfg(test)]
mod tests {
    use super::*;
    use shared::page_config::appearance::COLORS;

    const TOKENS: &str = include_str!("../../style/tokens.css");

    #[test]
    fn style_sheets_use_all_properties() {
        let colors = [
            COLORS.map(|name| (name.to_owned(), "#ffffff".to_owned())).to_vec(),
            COLORS.map(|name| (name.to_owned(), "#000000".to_owned())).to_vec(),
        ];
        let appearance =
            Appearance { colors, radius: Some(0), font: Some("serif".to_owned()), ..Appearance::default() };
        let properties = properties(&appearance);
        assert_eq!(properties.len(), 2 * COLORS.len() + 2);
        assert!(properties.contains(&("--radius".to_owned(), "0px".to_owned())));
        for (name, _) in properties {
            assert!(TOKENS.contains(&format!("var({name}")), "{name}");
        }
    }
}
