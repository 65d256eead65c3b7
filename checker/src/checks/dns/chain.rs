//! The records in an answer that belong to the query: those at the end of the chain of aliases that starts at the
//! queried name.

use hickory_proto::op::Message;
use hickory_proto::rr::{DNSClass, Name, RData, Record, RecordType};

use super::DnsCheck;
use crate::checks::Failure;

/// The maximum number of aliases (CNAME records) that are followed. Common resolvers follow fewer.
const MAX_ALIASES: usize = 16;

/// The records of the queried type in an answer.
pub(super) struct AnswerRecords<'a> {
    /// The records at the end of the chain of aliases.
    pub(super) found: Vec<&'a Record>,
    /// Whether the answer also contains records for other names, or in classes other than `IN`.
    pub(super) has_strays: bool,
    /// The last name of the chain, if there are aliases.
    alias: Option<&'a Name>,
}

impl<'a> AnswerRecords<'a> {
    /// Follows the aliases in the answer from the queried name. The order of the records does not matter.
    pub(super) fn of(check: &'a DnsCheck, answer: &'a Message) -> Result<AnswerRecords<'a>, Failure> {
        let mut end = &check.name;
        let mut aliases = 0;
        while let Some(next) = alias(check, answer, end) {
            aliases += 1;
            if aliases > MAX_ALIASES {
                return Err(format!("answer contains a loop, or a chain of more than {MAX_ALIASES} aliases (CNAME)"));
            }
            end = next;
        }
        let of_type = || answer.answers.iter().filter(|record| record.record_type() == check.record);
        let found: Vec<&Record> = of_type().filter(|record| is_at(record, end)).collect();
        let has_strays = found.len() < of_type().count();
        Ok(AnswerRecords { found, has_strays, alias: (aliases > 0).then_some(end) })
    }

    /// Returns the reason why the answer proves neither that the expected records exist nor that they do not.
    pub(super) fn doubt(&self, check: &DnsCheck, answer: &Message) -> Option<String> {
        let record = check.record;
        let end = self.alias.unwrap_or(&check.name);
        if self.has_strays {
            return Some(format!("answer contains {record} records that do not belong to `{end}`"));
        }
        // The server's authority does not necessarily extend to the target of an alias.
        let is_authoritative = answer.metadata.authoritative && self.alias.is_none();
        let is_zone = |record: &Record| record.record_type() == RecordType::SOA && record.name.zone_of(end);
        let has_authority =
            is_authoritative || answer.metadata.recursion_available || answer.authorities.iter().any(is_zone);
        (self.found.is_empty() && !has_authority).then(|| {
            format!(
                "server is neither authoritative for `{end}` nor a resolver, so its answer does not show whether {record} \
                 records exist"
            )
        })
    }
}

fn is_at(record: &Record, name: &Name) -> bool {
    record.dns_class == DNSClass::IN && record.name.eq_ignore_root(name)
}

/// Returns the target of the name's alias. A query for CNAME records does not follow them.
fn alias<'a>(check: &DnsCheck, answer: &'a Message, name: &Name) -> Option<&'a Name> {
    if check.record == RecordType::CNAME {
        return None;
    }
    answer.answers.iter().filter(|record| is_at(record, name)).find_map(|record| match &record.data {
        RData::CNAME(target) => Some(&target.0),
        _ => None,
    })
}
