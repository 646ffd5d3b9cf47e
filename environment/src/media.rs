//! What a cell shows, as Jupyter's messages and files have it.

use jupyter_protocol::Media;
use serde_json::{Map, Value, json};

use crate::engine::Contents;

/// The representations of one thing. What is JSON goes out as JSON and not as its text.
pub fn media(contents: &Contents) -> Media {
    let representations = contents.by_type.iter().map(|(mime, content)| {
        let value = if mime.ends_with("json") {
            serde_json::from_str(content).unwrap_or_else(|_| json!(content))
        } else {
            json!(content)
        };
        (mime.clone(), value)
    });
    let bundle = Value::Object(representations.collect());
    serde_json::from_value(bundle).unwrap_or_default()
}

/// The size at which a notebook shows a picture: ours have two dots to a logical pixel, and would be
/// blurred if they were shown dot by dot.
pub fn display_metadata(contents: &Contents) -> Map<String, Value> {
    let size = contents.size.map(|[width, height]| {
        let size = json!({"width": width, "height": height});
        ("image/png".to_owned(), size)
    });
    size.into_iter().collect()
}
