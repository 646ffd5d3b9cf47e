//! What answers are worth, compared with those of the solution to the same questions.

use cuaderno_protocol::answers::Answer;

/// How many of `found` are what the solution answers.
pub fn right(solution: &[Answer], found: &[Answer], tolerance: f64) -> usize {
    let pairs = solution.iter().zip(found);
    pairs
        .filter(|(right, found)| is_right(right, found, tolerance))
        .count()
}

/// The points for `right` of `of` answers, where `chance` of them can be had without a thought.
pub fn earned(points: f64, right: usize, chance: usize, of: usize) -> f64 {
    let above_chance = right.saturating_sub(chance) as f64;
    let possible = of.saturating_sub(chance).max(1) as f64;
    // To the cent, so that a sum of points reads well.
    (points * above_chance / possible * 100.0).round() / 100.0
}

/// How many right answers can be had without a thought: by the better of always the same answer and
/// a part of the input as it is, and those to inputs that stand in the public `check`.
pub fn chance(solution: &[Answer], inputs: &[String], check: &str, tolerance: f64) -> usize {
    let best = constant_or_echo(solution, inputs, tolerance);
    (best + public(inputs, check)).min(solution.len())
}

fn constant_or_echo(solution: &[Answer], inputs: &[String], tolerance: f64) -> usize {
    let constant = solution
        .iter()
        .map(|it| right(solution, &vec![it.clone(); solution.len()], tolerance));
    let read = |numbers: fn(&str) -> Vec<f64>| inputs.iter().map(|it| numbers(it)).collect();
    let echo = |numbers| echo(solution, numbers, tolerance);
    let echoes = [echo(read(numbers)), echo(read(numbers_of_lists))];
    constant.chain(echoes).max().unwrap_or(0)
}

/// How often the solution is the part of the input that begins at one and the same place.
fn echo(solution: &[Answer], inputs: Vec<Vec<f64>>, tolerance: f64) -> usize {
    let longest = inputs.iter().map(Vec::len).max().unwrap_or(0);
    let echo = (0..longest).map(|place| {
        let pairs = solution.iter().zip(&inputs);
        let part = |answer: &Answer, numbers: &[f64]| {
            let Answer::Numbers(expected) = answer else {
                return false;
            };
            let part = numbers.get(place..place + expected.len());
            part.is_some_and(|part| is_right(answer, &Answer::Numbers(part.to_vec()), tolerance))
        };
        pairs
            .filter(|(answer, numbers)| part(answer, numbers))
            .count()
    });
    echo.max().unwrap_or(0)
}

/// How many of the inputs stand in the source of the public check, whose answers can be copied.
fn public(inputs: &[String], check: &str) -> usize {
    let bare = |text: &str| text.split_whitespace().collect::<String>().replace("_", "");
    let check = bare(check);
    let is_public = |input: &&String| {
        let input = bare(input);
        let input = input.trim_start_matches('(').trim_end_matches(')');
        let ends_a_number = |c: Option<char>| !c.is_some_and(|c| c.is_ascii_digit() || c == '.');
        let mut places = check.match_indices(input);
        !input.is_empty()
            && places.any(|(at, _)| {
                ends_a_number(check[..at].chars().next_back())
                    && ends_a_number(check[at + input.len()..].chars().next())
            })
    };
    inputs.iter().filter(is_public).count()
}

fn is_right(solution: &Answer, found: &Answer, tolerance: f64) -> bool {
    match (solution, found) {
        (Answer::Numbers(right), Answer::Numbers(found)) => {
            let is_close = |(right, found): (&f64, &f64)| {
                // Nothing but itself is close to infinity.
                right == found
                    || right.is_finite()
                        && (right - found).abs() <= tolerance * right.abs().max(1.0)
            };
            right.len() == found.len() && right.iter().zip(found).all(is_close)
        }
        (Answer::Text(right), Answer::Text(found)) => right == found,
        _ => false,
    }
}

/// The numbers in the text of an input.
fn numbers(input: &str) -> Vec<f64> {
    let is_part = |c: char| c.is_ascii_digit() || matches!(c, '.' | '-' | 'e');
    let words = input.split(|c| !is_part(c));
    words.filter_map(|word| word.parse().ok()).collect()
}

/// The same, with the length of each list in a list before its items, as an answer has it.
fn numbers_of_lists(input: &str) -> Vec<f64> {
    let mut found = Vec::new();
    // Of each list that is open: where its length stands, and how many items have ended.
    let mut open: Vec<(Option<usize>, f64)> = Vec::new();
    let mut after_list = false;
    for piece in input.split_inclusive(['[', ',', ']']) {
        let text = piece.trim_end_matches(['[', ',', ']']);
        let ends_item = after_list || !text.trim().is_empty();
        found.extend(numbers(text));
        after_list = piece.ends_with(']');
        if piece.ends_with('[') {
            let length_at = (!open.is_empty()).then_some(found.len());
            found.extend(length_at.map(|_| 0.0));
            open.push((length_at, 0.0));
        } else if let Some((_, items)) = open.last_mut().filter(|_| ends_item) {
            *items += 1.0;
        }
        if after_list && let Some((Some(length_at), items)) = open.pop() {
            found[length_at] = items;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers_of(values: &[f64]) -> Vec<Answer> {
        values.iter().map(|&x| Answer::Numbers(vec![x])).collect()
    }

    fn texts(values: &[&str]) -> Vec<String> {
        values.iter().map(|&text| text.to_owned()).collect()
    }

    #[test]
    fn an_answer_is_right_if_it_is_close_and_of_the_same_kind() {
        let solution = numbers_of(&[1.0, 1000.0, -2.0]);
        assert_eq!(
            right(&solution, &numbers_of(&[1.0001, 1000.09, -2.1]), 1e-4),
            2
        );
        assert_eq!(right(&solution, &numbers_of(&[f64::NAN, 1000.0]), 1e-4), 1);
        let others = [
            Answer::Text("1".to_owned()),
            Answer::Numbers(vec![1000.0, 1000.0]),
            Answer::Error("-2".to_owned()),
        ];
        assert_eq!(right(&solution, &others, 1e-4), 0);
        let infinite = numbers_of(&[f64::INFINITY; 2]);
        assert_eq!(
            right(&infinite, &numbers_of(&[3.0, f64::INFINITY]), 1e-4),
            1
        );
    }

    #[test]
    fn what_can_be_had_without_a_thought_earns_nothing() {
        let solution = numbers_of(&[7.0, 7.0, 7.0, 1.0, 2.0]);
        let inputs = texts(&["(7, 0.5)", "(3, 1)", "(3, 1)", "(1, 2)", "(2, 9)"]);
        assert_eq!(chance(&solution, &[], "", 0.0), 3, "always 7");
        assert_eq!(chance(&solution, &inputs, "", 0.0), 3);
        assert_eq!(
            chance(&numbers_of(&[7.0, 3.0, 4.0, 1.0, 2.0]), &inputs, "", 0.0),
            4,
            "the first"
        );
        assert_eq!(earned(2.0, 3, 3, 5), 0.0);
        assert_eq!(earned(2.0, 5, 3, 5), 2.0);
        assert_eq!(earned(2.0, 4, 3, 5), 1.0);
        assert_eq!(earned(2.0, 0, 3, 5), 0.0);
    }

    #[test]
    fn a_list_of_lists_is_found_in_the_input() {
        let inputs = texts(&["(7, [[1.0, 2.0], [], [3.0]])", "(8, [[4.0]])"]);
        assert_eq!(
            numbers_of_lists(&inputs[0]),
            [7.0, 2.0, 1.0, 2.0, 0.0, 1.0, 3.0]
        );
        let same = [vec![2.0, 1.0, 2.0, 0.0, 1.0, 3.0], vec![1.0, 4.0]].map(Answer::Numbers);
        assert_eq!(chance(&same, &inputs, "", 0.0), 2);
        let flat = [vec![1.0, 2.0, 3.0], vec![4.0]].map(Answer::Numbers);
        assert_eq!(chance(&flat, &inputs, "", 0.0), 2);
    }

    #[test]
    fn inputs_of_the_public_check_are_counted() {
        let check = "for (x, p, e) in [(1.0, 0.9, 0.1), (784, vec![4, 9], 98.97)]";
        let inputs = texts(&[
            "(1.0, 0.9)",
            "(784, [4, 9])",
            "8",
            "784",
            "(0.9, 1.0)",
            "[4, 9]",
        ]);
        assert_eq!(public(&inputs, check), 3);
    }
}
