//! The contents of the page's `config.json`: how the page reads the bucket, and where visitors can read its outputs. Pure.

use reqwest::Url;
use shared::object_name::OUTPUT_FOLDER;
use shared::page_config::{PageConfig, PublicKeys, S3Source, Source};
use shared::s3_request::BucketAddress;

use super::spec::{Access, ProvisionSpec};

/// Returns the page's source in the desired state.
pub(super) fn source(spec: &ProvisionSpec, public_keys: Option<PublicKeys>) -> S3Source {
    let bucket = &spec.bucket;
    S3Source {
        bucket: bucket.name.clone(),
        region: spec.region.clone(),
        endpoint_url: bucket.endpoint_url.as_ref().map(|url| url.trim_end_matches('/').to_owned()),
        address_style: bucket.address_style,
        prefix: bucket.prefix.clone(),
        public_keys,
    }
}

/// Returns the contents of the file. Without keys, the page sends unsigned requests.
pub(super) fn content(spec: &ProvisionSpec, public_keys: Option<PublicKeys>) -> String {
    let page = spec.page.config.clone();
    let outputs = page.outputs.clone().or_else(|| outputs_url(spec));
    PageConfig { source: Source::S3(source(spec, public_keys)), outputs, ..page }.to_json()
}

/// Returns the URL of the folder with the first writer's outputs, or `None` if not everyone can read it.
pub(super) fn outputs_url(spec: &ProvisionSpec) -> Option<String> {
    let is_public = spec.stores_feeds && spec.access != Access::Keys;
    let node = spec.writers.first().filter(|_| is_public)?;
    let address = BucketAddress::new(&source(spec, None));
    let mut url = Url::parse(&format!("{}{}", address.origin(), address.path)).ok()?;
    let folders = format!("{}{OUTPUT_FOLDER}{node}/", spec.bucket.prefix);
    url.path_segments_mut().ok()?.pop_if_empty().extend(folders.split('/'));
    Some(url.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provision::spec::tests::spec;
    use shared::page_config::AddressStyle;

    fn linked(spec: &ProvisionSpec) -> Option<String> {
        let config = PageConfig::parse(&content(spec, None)).expect("the page can read it");
        assert_eq!(config.skipped, Vec::<String>::new());
        config.outputs
    }

    #[test]
    fn a_page_links_outputs_that_everyone_can_read() {
        let public = ProvisionSpec { access: Access::KeysAndPublicOutputs, ..spec() };
        let on_aws = "https://my-status.s3.eu-central-1.amazonaws.com/shop/0-feed/eu-west/";
        assert_eq!(linked(&public).as_deref(), Some(on_aws));
        assert_eq!(linked(&ProvisionSpec { access: Access::Public, ..spec() }).as_deref(), Some(on_aws));
        assert_eq!(linked(&spec()), None, "only clients with keys can read them");
        assert_eq!(linked(&ProvisionSpec { writers: Vec::new(), ..public.clone() }), None);
        assert_eq!(linked(&ProvisionSpec { stores_feeds: false, ..public.clone() }), None);

        let mut elsewhere = public.clone();
        elsewhere.bucket.endpoint_url = Some("http://127.0.0.1:9000/".to_owned());
        elsewhere.bucket.address_style = AddressStyle::Path;
        elsewhere.bucket.prefix = "our shop/ü#1/".to_owned();
        let encoded = "http://127.0.0.1:9000/my-status/our%20shop/%C3%BC%231/0-feed/eu-west/";
        assert_eq!(linked(&elsewhere).as_deref(), Some(encoded));

        let mut configured = public;
        configured.page.config.outputs = Some("https://status.example/".to_owned());
        assert_eq!(linked(&configured).as_deref(), Some("https://status.example/"));
    }
}
