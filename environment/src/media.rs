//! What a cell shows, as Jupyter's messages and files have it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jupyter_protocol::Media;
use serde_json::{Map, Value, json};

use crate::engine::Contents;

/// The representations of one thing. What is JSON goes out as JSON and not as its text.
pub fn media(contents: &Contents) -> Media {
    let representations = contents.iter().map(|(mime, content)| {
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

/// What is to be said about the representations: the size at which a picture is shown.
pub fn display_metadata(contents: &Contents) -> Map<String, Value> {
    size_on_screen(contents.get("image/png")).unwrap_or_default()
}

/// The size at which a notebook should show a PNG that says how many dots it has to the inch: ours
/// have 192, twice the 96 of a screen, and are blurred where they are shown dot by dot.
fn size_on_screen(png: Option<&String>) -> Option<Map<String, Value>> {
    const SCREEN: f64 = 96.0;
    const METRES_PER_INCH: f64 = 0.0254;
    // The size and the density stand in the first chunks.
    let start = STANDARD.decode(png?.get(..160)?).ok()?;
    let number = |at: usize| Some(u32::from_be_bytes(start.get(at..at + 4)?.try_into().ok()?));
    let density = start.windows(4).position(|name| name == b"pHYs")? + 4;
    let dots_per_inch = f64::from(number(density)?) * METRES_PER_INCH;
    let logical = |dots: u32| (f64::from(dots) * SCREEN / dots_per_inch).round();
    let size = json!({"width": logical(number(16)?), "height": logical(number(20)?)});
    Some(Map::from_iter([("image/png".to_owned(), size)]))
}
