//! Enums.

use super::Walk;
use super::finding::{Effect, Finding, Kind, join};
use crate::api::schema::shape::{Id, Shape, Shapes, Tagging, Union, Variant, accepts, fingerprint, of_variant, tagged};

/// How many pairs of untagged variants are compared.
const MAX_PAIRS: usize = 10_000;

impl Walk<'_> {
    /// Both sides name the variant in the same way.
    pub(super) fn named(&mut self, written: &Union, read: &Union, w: Id, path: &str) -> Vec<Finding> {
        let external = written.tagging == Tagging::External;
        let mut all = Vec::new();
        for (position, variant) in written.variants.iter().enumerate() {
            let path = join(path, &variant.name);
            let reader = read.variants.iter().find(|reader| reader.is_named(&variant.name));
            let found = match reader {
                Some(reader) if external && variant.unit && reader.unit => Vec::new(),
                Some(reader) if external && variant.unit != reader.unit => {
                    let effect = Effect::Fails(of_variant(self.w, written, position));
                    vec![self.finding(Kind::VariantContent, &path, effect, variant.content, reader.content)]
                }
                Some(reader) => {
                    let mut found = self.relate(variant.content, reader.content, &path);
                    self.inside(&mut found, false, |value| tagged(&written.tagging, &variant.name, value));
                    found
                }
                None => vec![self.unknown(written, read, (w, position, variant), &path)],
            };
            all.push(found);
        }
        self.together(all)
    }

    fn unknown(&self, written: &Union, read: &Union, (w, at, variant): (Id, usize, &Variant), path: &str) -> Finding {
        let mute = read.other.is_some() && (variant.unit || written.tagging != Tagging::External);
        let (kind, effect) = match mute {
            true => (Kind::OtherVariant, Effect::Mute),
            false => (Kind::UnknownVariant, Effect::Fails(of_variant(self.w, written, at))),
        };
        let mut finding = self.finding(kind, path, effect, w, w);
        finding.shape = Some(variant.content);
        (finding.written, finding.read) =
            (variant.name.clone(), read.other.clone().unwrap_or_else(|| "nothing".to_owned()));
        finding
    }

    /// If every variant fails, every value does; else only some do.
    fn together(&mut self, mut variants: Vec<Vec<Finding>>) -> Vec<Finding> {
        let fails = |found: &Vec<Finding>| found.iter().any(|each| matches!(each.effect, Effect::Fails(_)));
        let all = variants.iter().all(fails);
        if !all {
            variants.iter_mut().for_each(|found| self.inside(found, true, Some));
        }
        variants.into_iter().flatten().collect()
    }

    /// The writer's variants, for a reader that does not name them alike.
    pub(super) fn variants(&mut self, written: &Union, w: Id, r: Id, path: &str) -> Vec<Finding> {
        let untagged = match self.r.get(r) {
            Shape::Union(read) if read.tagging == Tagging::Untagged => Some(read),
            _ => None,
        };
        let general = if matches!(self.r.get(r), Shape::Union(_)) { Kind::Representation } else { Kind::Type };
        let prints = |shapes: &Shapes, union: &Union| -> Vec<u128> {
            union.variants.iter().map(|variant| fingerprint(shapes, variant.content)).collect()
        };
        let same = untagged.map(|read| (prints(self.w, written), prints(self.r, read))).unwrap_or_default();
        let mut all = Vec::new();
        for (position, variant) in written.variants.iter().enumerate() {
            let found = match (untagged, &written.tagging) {
                (Some(read), Tagging::Untagged) => {
                    self.among((written, position), (read, r), (&same.0, &same.1), &join(path, &variant.name))
                }
                (None, Tagging::Untagged) => {
                    let mut found = self.relate(variant.content, r, path);
                    let whole = found.iter_mut().filter(|finding| finding.kind == Kind::Type && finding.path == path);
                    whole.for_each(|finding| finding.kind = general);
                    found
                }
                _ => match of_variant(self.w, written, position) {
                    Some(value) if accepts(self.r, r, &value) => Vec::new(),
                    value => vec![self.finding(general, path, Effect::Fails(value), w, r)],
                },
            };
            all.push(found);
        }
        let mut found = self.together(all);
        // All that is to be said is that the whole is something else.
        let is_general = |finding: &Finding| finding.kind == general && finding.path == path;
        if found.iter().filter(|finding| is_general(finding)).count() > 1 {
            let mut seen = false;
            found.retain(|finding| !is_general(finding) || !std::mem::replace(&mut seen, true));
        }
        found
    }

    /// A value without variants, for a reader that tries one after the other.
    pub(super) fn alternatives(&mut self, w: Id, r: Id, read: &Union, path: &str) -> Vec<Finding> {
        let mut best: Option<(u8, Vec<Finding>)> = None;
        for reader in read.variants.iter().take(MAX_PAIRS) {
            let found = self.relate(w, reader.content, path);
            let severity = found.iter().map(|finding| finding.effect.severity()).max().unwrap_or_default();
            if best.as_ref().is_none_or(|(least, _)| severity < *least) {
                best = Some((severity, found));
            }
        }
        match best {
            Some((severity, found)) if severity < Effect::Fails(None).severity() => found,
            _ => vec![self.mismatch(Kind::Type, w, r, path)],
        }
    }

    /// One untagged variant among the reader's: the first that decodes takes it.
    fn among(
        &mut self,
        (written, position): (&Union, usize),
        (read, r): (&Union, Id),
        (written_prints, read_prints): (&[u128], &[u128]),
        path: &str,
    ) -> Vec<Finding> {
        let Some(variant) = written.variants.get(position) else { return Vec::new() };
        let same = read_prints.iter().position(|print| written_prints.get(position) == Some(print));
        let mut results = Vec::new();
        for reader in read.variants.iter().take(MAX_PAIRS / written.variants.len().max(1)) {
            let found = self.relate(variant.content, reader.content, path);
            results.push(found.iter().map(|finding| finding.effect.severity()).max().unwrap_or_default());
        }
        let fails = Effect::Fails(None).severity();
        let some = Effect::Some(None).severity();
        let own = same.or_else(|| results.iter().position(|severity| *severity < some));
        let Some(own) = own else {
            return match results.iter().position(|severity| *severity < fails) {
                Some(best) => self.relate(variant.content, read.variants[best].content, path),
                None => {
                    let witness = of_variant(self.w, written, position);
                    vec![self.finding(Kind::UnknownVariant, path, Effect::Fails(witness), variant.content, r)]
                }
            };
        };
        // A variant before it now takes values that it did not take before.
        let was_before = |print: &u128| written_prints.iter().take(position).any(|earlier| earlier == print);
        let takes = |at: &usize| results.get(*at).is_some_and(|severity| *severity < fails);
        let taker = (0..own).find(|at| takes(at) && !read_prints.get(*at).is_some_and(was_before));
        match taker {
            Some(at) => {
                vec![self.finding(Kind::TakenByOther, path, Effect::Mute, variant.content, read.variants[at].content)]
            }
            None if same.is_some() => Vec::new(),
            None => self.relate(variant.content, read.variants[own].content, path),
        }
    }
}
