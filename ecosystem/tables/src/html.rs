//! How a frame shows itself in a notebook.

use cuaderno::notebook::Contents;
use polars::prelude::*;

/// Rows that are shown of the beginning, and of the end.
const ROWS: usize = 5;
/// Columns that are shown on the left, and on the right.
const COLUMNS: usize = 8;

extern "C" fn register() {
    cuaderno::notebook::show_values_with(contents);
}

/// Cells do not name this library for each frame that they show, so it says itself when it is loaded
/// how to.
#[used]
#[cfg_attr(target_os = "macos", unsafe(link_section = "__DATA,__mod_init_func"))]
#[cfg_attr(not(target_os = "macos"), unsafe(link_section = ".init_array"))]
static REGISTER: extern "C" fn() = register;

fn contents(table: &DataFrame) -> Contents {
    Contents::new("text/html", html(table)).with("text/plain", table.to_string())
}

/// Names, types, size, and the first and last rows.
fn html(table: &DataFrame) -> String {
    let columns = ends(table.width(), COLUMNS);
    let row = |tag: &str, cell: &dyn Fn(&Column) -> String| {
        let cells = columns.iter().map(|place| match place {
            Some(place) => {
                let column = &table.columns()[*place];
                let is_number = column.dtype().is_primitive_numeric();
                let side = if is_number { "right" } else { "left" };
                format!(
                    "<{tag} style=\"text-align:{side}\">{}</{tag}>",
                    escape(&cell(column))
                )
            }
            None => format!("<{tag}>…</{tag}>"),
        });
        format!("<tr>{}</tr>", cells.collect::<String>())
    };
    let names = row("th", &|column| column.name().to_string());
    let types = row("td", &|column| column.dtype().to_string());
    let rows = ends(table.height(), ROWS)
        .into_iter()
        .map(|place| match place {
            // A row that is there has a value in each column.
            Some(place) => row("td", &|column| {
                let value = column.get(place);
                value.map_or(String::new(), |value| value.str_value().into_owned())
            }),
            None => row("td", &|_| "…".to_owned()),
        });
    let rows: String = rows.collect();
    let (height, width) = table.shape();
    format!(
        "<table><thead>{names}{types}</thead><tbody>{rows}</tbody></table>\
         <p>{height} rows × {width} columns</p>"
    )
}

/// The places of `all`, or the first and last `few` with a gap between them.
fn ends(all: usize, few: usize) -> Vec<Option<usize>> {
    if all <= 2 * few {
        return (0..all).map(Some).collect();
    }
    let (first, last) = (0..few, all - few..all);
    (first.map(Some))
        .chain([None])
        .chain(last.map(Some))
        .collect()
}

fn escape(text: &str) -> String {
    (text.replace('&', "&amp;").replace('<', "&lt;")).replace('>', "&gt;")
}
