// SPDX-License-Identifier: Apache-2.0
//! A schema whose size is bounded and whose references all lead somewhere.

use std::collections::HashMap;
use std::rc::Rc;

use serde_json::{Map, Value};

use super::SchemaError;
use super::keywords::{Place, references, subschemas};

/// Deepest JSON that a schema may be: what the JSON parser accepts, so only a schema built in this
/// process can exceed it.
const DEEPEST: usize = 128;
const MOST_VALUES: usize = 16_384;
/// References and combinations that lead to a schema for the same value, in a row.
const DEEPEST_HERE: usize = 32;

/// A schema and where its parts are.
#[derive(Debug)]
pub(super) struct Document<'s> {
    pub(super) root: &'s Value,
    /// JSON pointers of subschemas.
    pointers: HashMap<Address, String>,
    /// The schemas that a schema refers to.
    targets: HashMap<Address, Vec<&'s Value>>,
    /// Property names, in order.
    pub(super) names: Vec<&'s str>,
    /// Texts of patterns.
    pub(super) patterns: Vec<&'s str>,
    pub(super) has_formats: bool,
}

/// Where a value is in memory: who it is, as long as the schema is borrowed.
type Address = usize;

pub(super) fn address(value: &Value) -> Address {
    std::ptr::from_ref(value).addr()
}

impl<'s> Document<'s> {
    /// Reads `root`.
    pub(super) fn new(root: &'s Value) -> Result<Self, SchemaError> {
        measure(root)?;
        let mut document = Self {
            root,
            pointers: HashMap::new(),
            targets: HashMap::new(),
            names: Vec::new(),
            patterns: Vec::new(),
            has_formats: false,
        };
        let mut index = Index::default();
        let mut found = document.walk(root, String::new(), Resource::of(root), &mut index);
        while let Some((from, keyword, text, resource)) = found.pop() {
            let (start, target) = index.resolve(keyword, text, &resource)?;
            document.targets.entry(from).or_default().push(target);
            if target.is_object() && !document.pointers.contains_key(&address(target)) {
                // It stands where no keyword looks: a pointer led there.
                let fragment = text.split_once('#').map_or("", |(_, fragment)| fragment);
                let outer = document.pointer(start).unwrap_or_default();
                let pointer = format!("{outer}{}", percent_decode(fragment));
                found.extend(document.walk(target, pointer, resource, &mut index));
            }
        }
        document.refuse_endless()?;
        Ok(document)
    }

    /// The schemas that `schema` refers to.
    pub(super) fn targets(&self, schema: &Value) -> &[&'s Value] {
        self.targets
            .get(&address(schema))
            .map_or(&[], Vec::as_slice)
    }

    /// JSON pointer of `schema`.
    pub(super) fn pointer(&self, schema: &Value) -> Option<&str> {
        self.pointers.get(&address(schema)).map(String::as_str)
    }

    /// Notes `schema` and everything in it; returns the references in it.
    fn walk(
        &mut self,
        schema: &'s Value,
        pointer: String,
        resource: Resource<'s>,
        index: &mut Index<'s>,
    ) -> Vec<Reference<'s>> {
        let mut found = Vec::new();
        let mut rest = vec![(schema, pointer, resource)];
        while let Some((schema, pointer, resource)) = rest.pop() {
            let Some(map) = schema.as_object() else {
                continue;
            };
            let resource = index.note(schema, map, resource);
            found.extend(
                references(map)
                    .map(|(keyword, text)| (address(schema), keyword, text, resource.clone())),
            );
            self.note(map);
            subschemas(map, &mut |sub| {
                rest.push((sub.schema, sub.pointer(&pointer), resource.clone()));
            });
            self.pointers.entry(address(schema)).or_insert(pointer);
        }
        found
    }

    fn note(&mut self, map: &'s Map<String, Value>) {
        let properties = map.get("properties").and_then(Value::as_object);
        self.names.extend(
            properties
                .into_iter()
                .flat_map(Map::keys)
                .map(String::as_str),
        );
        self.has_formats |= map.contains_key("format");
        self.patterns
            .extend(map.get("pattern").and_then(Value::as_str));
        let keys = map.get("patternProperties").and_then(Value::as_object);
        self.patterns
            .extend(keys.into_iter().flat_map(Map::keys).map(String::as_str));
    }

    /// Refuses schemas that apply to the same value as one they are needed for.
    fn refuse_endless(&self) -> Result<(), SchemaError> {
        let mut heights = HashMap::new();
        let mut starts = vec![self.root];
        let mut seen = std::collections::HashSet::new();
        while let Some(schema) = starts.pop() {
            if !seen.insert(address(schema)) {
                continue;
            }
            self.height(schema, 0, &mut heights)?;
            starts.extend(self.targets(schema));
            if let Some(map) = schema.as_object() {
                subschemas(map, &mut |sub| starts.push(sub.schema));
            }
        }
        Ok(())
    }

    /// How many schemas in a row lead from `schema` to others for the same value.
    fn height(
        &self,
        schema: &'s Value,
        depth: usize,
        heights: &mut HashMap<Address, Option<usize>>,
    ) -> Result<usize, SchemaError> {
        match heights.get(&address(schema)) {
            Some(Some(height)) => return Ok(*height),
            Some(None) => return Err(SchemaError::Endless(self.path(schema))),
            None => {}
        }
        let Some(map) = schema.as_object() else {
            return Ok(0);
        };
        if depth > DEEPEST_HERE {
            return Err(SchemaError::Deep(DEEPEST_HERE));
        }
        heights.insert(address(schema), None);
        let mut here = self.targets(schema).to_vec();
        subschemas(map, &mut |sub| {
            here.extend((sub.place == Place::Here).then_some(sub.schema));
        });
        let mut highest = 0;
        for next in here {
            highest = highest.max(1 + self.height(next, depth + 1, heights)?);
        }
        if highest > DEEPEST_HERE {
            return Err(SchemaError::Deep(DEEPEST_HERE));
        }
        heights.insert(address(schema), Some(highest));
        Ok(highest)
    }

    fn path(&self, schema: &Value) -> String {
        format!("#{}", self.pointer(schema).unwrap_or_default())
    }
}

/// Bounds depth and size, without recursion.
fn measure(root: &Value) -> Result<(), SchemaError> {
    let mut rest = vec![(root, 1)];
    let mut values = 0;
    while let Some((value, depth)) = rest.pop() {
        values += 1;
        if depth > DEEPEST {
            return Err(SchemaError::Deep(DEEPEST));
        }
        if values > MOST_VALUES {
            return Err(SchemaError::Large(MOST_VALUES));
        }
        match value {
            Value::Array(list) => rest.extend(list.iter().map(|value| (value, depth + 1))),
            Value::Object(map) => rest.extend(map.values().map(|value| (value, depth + 1))),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
        }
    }
    Ok(())
}

/// A reference: the schema it is in, its keyword and text, and the resource around it.
type Reference<'s> = (Address, &'static str, &'s str, Resource<'s>);

/// The schema that references count from: the root, or an inner one with an `$id`.
#[derive(Clone, Debug)]
struct Resource<'s> {
    root: &'s Value,
    /// Its identifier, in full.
    id: Rc<str>,
}

impl<'s> Resource<'s> {
    fn of(root: &'s Value) -> Self {
        Self {
            root,
            id: Rc::default(),
        }
    }
}

/// Schemas by identifier and anchor.
#[derive(Debug, Default)]
struct Index<'s> {
    resources: Vec<Resource<'s>>,
    /// By the address of the resource and the name.
    anchors: HashMap<(Address, &'s str), &'s Value>,
}

impl<'s> Index<'s> {
    /// Notes how `schema` can be referred to; returns the resource that it belongs to.
    fn note(
        &mut self,
        schema: &'s Value,
        map: &'s Map<String, Value>,
        resource: Resource<'s>,
    ) -> Resource<'s> {
        let text = |keyword| map.get(keyword).and_then(Value::as_str);
        let mut resource = resource;
        // Draft 4 calls it `id`, which is also the name of many a property.
        match text("$id").or_else(|| text("id").filter(|_| !map.contains_key("properties"))) {
            // Drafts 6 and 7 write anchors this way.
            Some(id) if id.starts_with('#') => {
                self.anchors
                    .insert((address(resource.root), &id[1..]), schema);
            }
            Some(id) => {
                resource = Resource {
                    root: schema,
                    id: join(&resource.id, id).into(),
                };
                self.resources.push(resource.clone());
            }
            None => {}
        }
        for anchor in ["$anchor", "$dynamicAnchor"].into_iter().filter_map(text) {
            self.anchors
                .insert((address(resource.root), anchor), schema);
        }
        resource
    }

    /// The resource that a reference leads to, and the schema in it.
    fn resolve(
        &self,
        keyword: &str,
        text: &'s str,
        resource: &Resource<'s>,
    ) -> Result<(&'s Value, &'s Value), SchemaError> {
        let (uri, fragment) = text.split_once('#').unwrap_or((text, ""));
        let root = if uri.is_empty() {
            resource.root
        } else {
            let full = join(&resource.id, uri);
            let found = self.resources.iter().find(|known| *known.id == *full);
            found
                .ok_or_else(|| SchemaError::Remote(text.to_owned()))?
                .root
        };
        let target = if fragment.is_empty() {
            Some(root)
        } else if fragment.starts_with('/') {
            root.pointer(&percent_decode(fragment))
        } else if keyword == "$dynamicRef" {
            // The outermost anchor of the name stands for all others.
            let anywhere = self.anchors.iter().find(|((_, name), _)| *name == fragment);
            let own = self.anchors.get(&(address(root), fragment));
            own.or(anywhere.map(|(_, schema)| schema)).copied()
        } else {
            self.anchors.get(&(address(root), fragment)).copied()
        };
        target
            .map(|target| (root, target))
            .ok_or_else(|| SchemaError::Missing(text.to_owned()))
    }
}

/// `reference` as it reads from a document called `base`.
fn join(base: &str, reference: &str) -> String {
    let reference = reference.trim_end_matches('#');
    let scheme = reference
        .split('/')
        .next()
        .is_some_and(|start| start.contains(':'));
    match base.rfind('/') {
        Some(_) if scheme => reference.to_owned(),
        Some(slash) if !reference.starts_with('/') => format!("{}{reference}", &base[..=slash]),
        Some(_) => {
            let authority = base.find("://").map_or(0, |at| at + 3);
            let end = base[authority..]
                .find('/')
                .map_or(base.len(), |at| authority + at);
            format!("{}{reference}", &base[..end])
        }
        None => reference.to_owned(),
    }
}

fn percent_decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let hex = after.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        let code = hex
            .filter(|_| *first == b'%')
            .and_then(|hex| u8::from_str_radix(hex, 16).ok());
        bytes.push(code.unwrap_or(*first));
        rest = &after[if code.is_some() { 2 } else { 0 }..];
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
