//! Tensors.

use ra_ap_syntax::ast::{self, AstNode, HasArgList, HasGenericArgs};

use super::{Advice, Problem, Rule, is_float, is_integer, quoted};

pub const RULES: &[Rule] = &[
    element,
    from_list,
    values,
    scaled,
    method,
    without_dimension,
    loop_over_a_tensor,
    negated,
];

fn is_tensor(kind: &str) -> bool {
    let kind = kind.trim_start_matches('&');
    kind == "Tensor" || kind.ends_with("::Tensor")
}

/// `images[0]`
fn element(problem: &Problem) -> Option<Advice> {
    let kind = *quoted(&problem.error.message).first()?;
    if !problem.is(&["E0608"]) || !is_tensor(kind) {
        return None;
    }
    let index = problem.around::<ast::IndexExpr>()?;
    let base = problem.text_of(index.base()?.syntax());
    let place = index.index()?;
    let text = problem.text_of(place.syntax());
    let taken = match &place {
        ast::Expr::RangeExpr(_) | ast::Expr::TupleExpr(_) => format!("{base}.i({text})?"),
        _ => format!("{base}.get({text})?"),
    };
    Some(
        Advice::new("`.get(0)?` takes one of a tensor, and `.i(0..10)?` or `.i((.., 0))?` a part.")
            .edit(problem.range_of(index.syntax()), taken),
    )
}

/// `Tensor::new([1, 2, 3], &Device::Cpu)`
fn from_list(problem: &Problem) -> Option<Advice> {
    let bound = *quoted(&problem.error.message).first()?;
    let (kind, wanted) = bound.split_once(": ")?;
    if !problem.is(&["E0277"]) || wanted.rsplit("::").next() != Some("NdArray") {
        return None;
    }
    let advice = Advice::new(
        "a tensor is made of a list that is lent, of numbers that say their type: `&[1f32, 2., 3.]`.",
    );
    let list = problem
        .around::<ast::CallExpr>()?
        .arg_list()?
        .args()
        .next()?;
    let inner = match &list {
        ast::Expr::RefExpr(lent) => lent.expr()?,
        other => other.clone(),
    };
    let ast::Expr::ArrayExpr(array) = &inner else {
        return Some(advice);
    };
    let elements: Vec<_> = array
        .syntax()
        .children()
        .filter_map(ast::Expr::cast)
        .collect();
    let is_plain = |element: &ast::Expr| {
        let text = problem.text_of(element.syntax()).trim_start_matches('-');
        !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || c == '.')
    };
    if elements.is_empty() || !elements.iter().all(is_plain) || kind.contains("f64") {
        return Some(advice);
    }
    let numbers: Vec<String> = elements
        .iter()
        .enumerate()
        .map(|(at, element)| {
            let text = problem.text_of(element.syntax());
            match (at, text.contains('.')) {
                (0, _) => format!("{}f32", text.trim_end_matches('.')),
                (_, true) => text.to_owned(),
                (_, false) => format!("{text}."),
            }
        })
        .collect();
    Some(advice.edit(
        problem.range_of(list.syntax()),
        format!("&[{}]", numbers.join(", ")),
    ))
}

/// Methods that give a tensor's values, in the type that one says.
const VALUES: [&str; 5] = ["to_scalar", "to_vec0", "to_vec1", "to_vec2", "to_vec3"];

/// `t.sum_all()?.to_scalar()?`
fn values(problem: &Problem) -> Option<Advice> {
    if !problem.is(&["E0277", "E0282", "E0283", "E0284"]) {
        return None;
    }
    let statement = problem
        .around::<ast::Stmt>()
        .map(|statement| statement.syntax().clone());
    let around = problem
        .around::<ast::MethodCallExpr>()
        .map(|call| call.syntax().clone());
    let calls = around.into_iter().chain(statement).flat_map(|node| {
        node.descendants()
            .filter_map(ast::MethodCallExpr::cast)
            .collect::<Vec<_>>()
    });
    let is_untyped = |call: &ast::MethodCallExpr| {
        let name = call
            .name_ref()
            .map(|name| name.text().to_string())
            .unwrap_or_default();
        VALUES.contains(&name.as_str()) && call.generic_arg_list().is_none()
    };
    let call = calls.into_iter().find(is_untyped)?;
    let never = problem.error.message.contains("`!: ");
    let unknown = !problem.is(&["E0277"]) || never;
    if !unknown {
        return None;
    }
    let name = call.name_ref()?;
    let end = problem.range_of(name.syntax()).end;
    let of_labels = problem
        .text_of(call.receiver()?.syntax())
        .ends_with("labels");
    let kind = if of_labels { "u32" } else { "f32" };
    Some(
        Advice::new(format!(
            "say the type of the values: `.{}::<{kind}>()?`. Labels and counts are `u32`, most others `f32`.",
            name.text()
        ))
        .says("the type of the tensor's values is not known")
        .edit(end..end, format!("::<{kind}>")),
    )
}

/// `t * 2`
fn scaled(problem: &Problem) -> Option<Advice> {
    if !problem.is(&["E0277", "E0369"]) {
        return None;
    }
    let operation = problem.around::<ast::BinExpr>()?;
    let advice = Advice::new("a tensor is scaled by an `f64`.");
    if let Some((kind, bound)) = quoted(&problem.error.message)
        .first()
        .and_then(|bound| bound.split_once(": "))
        && bound.contains("Borrow<")
        && bound.contains("Tensor>")
        && (is_integer(kind) || is_float(kind))
    {
        let number = operation.rhs()?;
        let is_operator = operation
            .op_token()
            .is_some_and(|token| token.text() == problem.text());
        return is_operator.then(|| {
            as_fraction(problem, advice, &number).says(format!(
                "a tensor and a number of the type `{kind}` do not mix"
            ))
        });
    }
    let types = quoted(problem.error.label());
    let (left, right) = types
        .first()?
        .split_once(&format!(" {} ", problem.text()))?;
    let (number, kind) = match (is_tensor(left), is_tensor(right)) {
        (true, false) => (operation.rhs()?, right),
        (false, true) => (operation.lhs()?, left),
        _ => return None,
    };
    if !is_integer(kind) && !is_float(kind) {
        return None;
    }
    Some(as_fraction(problem, advice, &number))
}

fn as_fraction(problem: &Problem, advice: Advice, number: &ast::Expr) -> Advice {
    let text = problem.text_of(number.syntax());
    let range = problem.range_of(number.syntax());
    match text.chars().all(|c| c.is_ascii_digit()) {
        true => advice.edit(range.end..range.end, ".0"),
        false => {
            let operand = super::python_names::operand(number, text);
            advice.edit(range, format!("{operand} as f64"))
        }
    }
}

/// Methods of other libraries' tensors, and ours.
const METHODS: [(&str, &str); 26] = [
    ("mean", "mean_all()?"),
    ("sum", "sum_all()?"),
    ("view", "reshape((…))?"),
    ("item", "to_scalar::<f32>()?"),
    ("numpy", "to_vec2::<f32>()?"),
    ("tolist", "to_vec1::<f32>()?"),
    ("to_list", "to_vec1::<f32>()?"),
    ("to_vec", "to_vec1::<f32>()?"),
    ("size", "dims()"),
    ("T", "t()?"),
    ("permute_dims", "permute((…))?"),
    ("astype", "to_dtype(DType::F32)?"),
    ("float", "to_dtype(DType::F32)?"),
    ("long", "to_dtype(DType::U32)?"),
    ("cpu", "to_device(&Device::Cpu)?"),
    ("len", "dim(0)?"),
    ("numel", "elem_count()"),
    ("ndim", "rank()"),
    ("dot", "matmul(&b)?"),
    ("mm", "matmul(&b)?"),
    ("square", "sqr()?"),
    ("sigmoid", "Activation::Sigmoid.forward(&x)?"),
    ("softmax", "cuaderno::ops::softmax"),
    ("clip", "clamp(0f32, 1f32)?"),
    ("expand", "broadcast_as((…))?"),
    ("std", "var(0)?.sqrt()?"),
];

fn method(problem: &Problem) -> Option<Advice> {
    let kind = *quoted(&problem.error.message).get(1)?;
    if !problem.is(&["E0599"]) || !is_tensor(kind) {
        return None;
    }
    let call = problem.around::<ast::MethodCallExpr>()?;
    let (_, ours) = METHODS
        .iter()
        .find(|(theirs, _)| *theirs == problem.text())?;
    if ours.starts_with("Activation") {
        let receiver = problem.text_of(call.receiver()?.syntax());
        let end = problem.range_of(call.syntax()).end;
        let end = end + usize::from(problem.code[end..].starts_with('?'));
        return Some(Advice::new(format!("it is a layer: `{ours}`.")).edit(
            problem.range_of(call.syntax()).start..end,
            format!("Activation::Sigmoid.forward(&{receiver})?"),
        ));
    }
    if ours.contains("::ops::") {
        return Some(Advice::new(format!(
            "it is a function: `{ours}`, in `cuaderno::ops`."
        )));
    }
    let advice = Advice::new(format!("tensors have `.{ours}`."));
    let has_arguments = call.arg_list()?.args().next().is_some();
    if ours.contains(['…', '&']) || has_arguments {
        return Some(advice);
    }
    let end = problem.range_of(call.syntax()).end;
    let ends = problem.code[end..].starts_with('?');
    Some(advice.edit(
        problem.at.start..end,
        if ends {
            ours.trim_end_matches('?')
        } else {
            ours
        },
    ))
}

/// `t.mean()` without the dimension
fn without_dimension(problem: &Problem) -> Option<Advice> {
    if !problem.is(&["E0061"]) || !["mean", "sum", "max", "min"].contains(&problem.text()) {
        return None;
    }
    let call = problem.around::<ast::MethodCallExpr>()?;
    if call.arg_list()?.args().next().is_some() {
        return None;
    }
    let name = problem.text();
    let is_list = |label: &String| label.contains("of type `[") || label.contains("of type `Vec<");
    if problem.others.iter().any(|(_, label)| is_list(label)) {
        return Some(Advice::new(format!(
            "a list of whole numbers has `v.iter().{name}()`, an `Option`; to know its place, let a loop over \
             `0..v.len()` keep the best so far."
        )));
    }
    Some(
        Advice::new(format!(
            "`.{name}(0)?` goes along a dimension, and `.{name}_all()?` over all of a tensor."
        ))
        .edit(problem.at.clone(), format!("{name}_all")),
    )
}

/// `for label in mnist.train.labels`
fn loop_over_a_tensor(problem: &Problem) -> Option<Advice> {
    let kind = *quoted(&problem.error.message).first()?;
    let is_loop = problem.is(&["E0277"]) && problem.error.message.ends_with("is not an iterator");
    if !is_loop || !is_tensor(kind) {
        return None;
    }
    let advice = Advice::new(
        "a loop goes through a list: `t.to_vec1::<f32>()?` makes one of a tensor's numbers, and `u32` is for \
         labels and counts.",
    );
    let end = problem.at.end;
    Some(match problem.text().ends_with("labels") {
        true => advice.edit(end..end, ".to_vec1::<u32>()?"),
        false => advice,
    })
}

/// `-t`
fn negated(problem: &Problem) -> Option<Advice> {
    let kind = *quoted(&problem.error.message).get(1)?;
    if !problem.is(&["E0600"]) || !is_tensor(kind) {
        return None;
    }
    let negation = problem.exactly::<ast::PrefixExpr>()?;
    let tensor = negation.expr()?;
    let text = super::python_names::operand(&tensor, problem.text_of(tensor.syntax()));
    Some(
        Advice::new("`t.neg()?` is a tensor with its signs turned.")
            .edit(problem.at.clone(), format!("{text}.neg()?")),
    )
}
