//! Metadata by which nbgrader knows which cells it grades (its schema 3).

use serde_json::{Value, json};

use super::lab::Lab;
use crate::notebook::Notebook;

const SCHEMA: u32 = 3;

/// Marks the exercises, their checks and the answers in words.
pub fn annotate(student: &mut Notebook, lab: &Lab) {
    student.annotate("nbgrader", |cell| {
        let id = cell.id();
        let exercise = lab.exercises.iter().find(|exercise| exercise.id == id);
        if exercise.is_some() {
            return Some(cell_metadata(id, None, true));
        }
        let checks = lab.exercises.iter().map(|exercise| &exercise.check);
        if let Some(check) = checks.into_iter().find(|check| check.id == id) {
            return Some(cell_metadata(id, Some(check.points), false));
        }
        let question = lab.questions.iter().find(|question| question.id == id)?;
        Some(cell_metadata(id, Some(question.points), true))
    });
}

/// A cell with points is graded; one that the student writes is a solution, and others are locked.
fn cell_metadata(id: &str, points: Option<f64>, is_written: bool) -> Value {
    let mut metadata = json!({
        "grade": points.is_some(),
        "grade_id": id,
        "locked": !is_written,
        "schema_version": SCHEMA,
        "solution": is_written,
        "task": false,
    });
    if let Some(points) = points {
        metadata["points"] = json!(points);
    }
    metadata
}
