//! The part of evcxr's own protocol that cells speak: what our code prints where evcxr's kernel
//! runs the cell, and what the code that evcxr writes around a cell prints everywhere.

use super::Contents;

/// How each line of this protocol begins.
pub const PREFIX: &str = "EVCXR_";
/// The cell has panicked.
pub const PANIC: &str = "EVCXR_PANIC_NOTIFICATION";
/// A `?` has ended the cell.
pub const ERROR: &str = "EVCXR_ERROR_OCCURRED";
/// The variable named behind the colon has another type now, and is lost.
pub const VARIABLE_CHANGED_TYPE: &str = "EVCXR_VARIABLE_CHANGED_TYPE:";
/// The cell waits for a line; behind a colon stands what it asks for.
pub const INPUT_REQUEST: &str = "EVCXR_INPUT_REQUEST";
/// The cell has ended.
pub const COMPLETE: &str = "EVCXR_EXECUTION_COMPLETE";
/// One representation of a value begins; its MIME type ends the line.
pub const BEGIN_CONTENT: &str = "EVCXR_BEGIN_CONTENT ";
/// The line that ends a representation.
pub const END_CONTENT: &str = "EVCXR_END_CONTENT";

/// `contents` as the value of a cell.
pub fn value(contents: &Contents) -> String {
    let block = |(mime, content)| format!("{BEGIN_CONTENT}{mime}\n{content}\n{END_CONTENT}\n");
    contents.by_type.iter().map(block).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_a_block_for_each_representation() {
        assert_eq!(
            value(&Contents::text("a\n").with("text/html", "<b>a</b>")),
            "EVCXR_BEGIN_CONTENT text/html\n<b>a</b>\nEVCXR_END_CONTENT\n\
             EVCXR_BEGIN_CONTENT text/plain\na\nEVCXR_END_CONTENT\n"
        );
    }
}
