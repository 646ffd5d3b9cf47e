//! The code around a cell: the store of variables between cells, and the type that a `?` returns.
//! evcxr writes both into the source of the cells that need them. Here they are compiled once, except
//! for what depends on a variable's type.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt::Display;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use cuaderno_protocol::{Signal, evcxr};

/// The name by which generated code tells the engine that a `?` ended a cell.
pub const USER_ERROR_OCCURRED: &str = evcxr::ERROR;

/// The variables that cells keep for later cells.
#[derive(Default)]
pub struct VariableStore {
    variables: HashMap<String, Box<dyn Any>>,
}

/// An empty store; the engine's process owns it until it ends.
pub fn create_variable_store() -> *mut VariableStore {
    Box::into_raw(Box::default())
}

// Code that depends on the type of a variable is compiled in the cell, so there is as little of it
// as possible.
impl VariableStore {
    /// Stores a variable.
    pub fn put_variable<T: 'static>(&mut self, name: &str, value: T) {
        self.put(name, Box::new(value));
    }

    /// Whether the variable, if it is there, is a `T`; tells the engine if it is not.
    pub fn check_variable<T: 'static>(&mut self, name: &str) -> bool {
        self.is_of_type(name, TypeId::of::<T>())
    }

    /// Takes the variable out, for the cell.
    ///
    /// # Panics
    /// If there is no such variable, or it has another type; `check_variable` rules the second out.
    pub fn take_variable<T: 'static>(&mut self, name: &str) -> T {
        match self.take(name).downcast() {
            Ok(value) => *value,
            Err(_) => panic!("The variable `{name}` has another type now."),
        }
    }

    /// Keeps the old value of a variable that the cell has replaced, unless there is a new one.
    pub fn keep_replaced<T: 'static>(&mut self, name: &str, old: T) {
        if !self.variables.contains_key(name) {
            self.put_variable(name, old);
        }
    }

    /// The value that cells with `await` share.
    ///
    /// # Panics
    /// If there is a value of another type under this name.
    pub fn lazy_arc<T: 'static>(&mut self, name: &str, create: impl FnOnce() -> T) -> Arc<T> {
        let value = self
            .variables
            .entry(name.to_owned())
            .or_insert_with(|| Box::new(Arc::new(create())));
        match value.downcast_ref::<Arc<T>>() {
            Some(value) => Arc::clone(value),
            None => panic!("The variable `{name}` has another type now."),
        }
    }

    /// The cell has ended and did not panic. One that returned early has not put the variables that
    /// it makes into the store; the engine must not look for them there.
    pub fn end_cell(&self, new: &[&str]) {
        let is_missing = |name: &&&str| !self.variables.contains_key(**name);
        let missing: Vec<String> = (new.iter().filter(is_missing))
            .map(|&name| name.to_owned())
            .collect();
        if missing.is_empty() {
            return;
        }
        if super::CONNECTED.load(Ordering::Relaxed) {
            super::signal(&Signal::Returned(missing));
        } else {
            println!("{USER_ERROR_OCCURRED}");
        }
    }

    fn put(&mut self, name: &str, value: Box<dyn Any>) {
        self.variables.insert(name.to_owned(), value);
    }

    fn is_of_type(&self, name: &str, kind: TypeId) -> bool {
        match self.variables.get(name) {
            Some(value) if (**value).type_id() != kind => {
                eprintln!("`{name}` is lost: its type means another one now.");
                println!("{}{name}", evcxr::VARIABLE_CHANGED_TYPE);
                false
            }
            _ => true,
        }
    }

    fn take(&mut self, name: &str) -> Box<dyn Any> {
        self.variables
            .remove(name)
            .unwrap_or_else(|| panic!("The variable `{name}` has gone missing."))
    }
}

/// The error type of a cell, into which its `?` converts any error.
pub struct EvcxrUserCodeError;

impl<T: Display> From<T> for EvcxrUserCodeError {
    #[track_caller]
    fn from(error: T) -> Self {
        Self::report(&error)
    }
}

impl EvcxrUserCodeError {
    #[track_caller]
    fn report(error: &dyn Display) -> Self {
        super::report(Signal::Error, error.to_string(), Some(Location::caller()));
        println!("{USER_ERROR_OCCURRED}");
        Self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_comes_back_once_and_only_as_what_it_was() {
        let mut store = VariableStore::default();
        store.put_variable("numbers", vec![1, 2]);
        assert!(store.check_variable::<Vec<i32>>("numbers"));
        assert!(!store.check_variable::<Vec<u8>>("numbers"));
        assert!(store.check_variable::<u8>("unknown"));
        assert_eq!(store.take_variable::<Vec<i32>>("numbers"), [1, 2]);
        let again = std::panic::AssertUnwindSafe(|| store.take_variable::<Vec<i32>>("numbers"));
        assert!(std::panic::catch_unwind(again).is_err());
    }

    #[test]
    fn an_old_value_is_kept_where_there_is_no_new_one() {
        let mut store = VariableStore::default();
        store.put_variable("new", 1);
        store.keep_replaced("new", 0);
        store.keep_replaced("failed", 0);
        assert_eq!(store.take_variable::<i32>("new"), 1);
        assert_eq!(store.take_variable::<i32>("failed"), 0);
    }

    #[test]
    fn what_is_shared_is_made_once() {
        let mut store = VariableStore::default();
        let first = store.lazy_arc("runtime", || String::from("made"));
        let second = store.lazy_arc("runtime", || panic!("made twice"));
        assert!(Arc::ptr_eq(&first, &second));
    }
}
