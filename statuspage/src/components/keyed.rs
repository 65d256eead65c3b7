//! Updates a list of child elements by key.

use leptos::prelude::Owner;
use web_sys::Element;

/// The children of an element, one for each key.
pub(super) struct KeyedChildren {
    parent: Element,
    /// The parent of the children's owners.
    owner: Owner,
    children: Vec<Child>,
}

struct Child {
    key: usize,
    element: Element,
    owner: Owner,
}

impl KeyedChildren {
    /// Creates an empty list of children in `parent`.
    pub(super) fn new(parent: Element, owner: Owner) -> KeyedChildren {
        KeyedChildren { parent, owner, children: Vec::new() }
    }

    /// Updates the children to match `keys` and their order, building new ones where needed.
    ///
    /// A child that keeps its position is left alone, so it does not lose focus.
    pub(super) fn update(&mut self, keys: &[usize], build: &dyn Fn(usize) -> Element) {
        if keys.iter().eq(self.children.iter().map(|child| &child.key)) {
            return;
        }
        // New keys are mostly appended, so the first children usually stay the same and are skipped.
        let unchanged = keys.iter().zip(&self.children).take_while(|(key, child)| **key == child.key).count();
        let mut previous = self.children.split_off(unchanged);
        for &key in &keys[unchanged..] {
            // The child is nearly always the first one that remains.
            if let Some(index) = previous.iter().position(|child| child.key == key) {
                self.children.push(previous.remove(index));
            } else {
                let owner = self.owner.child();
                let element = owner.with(|| build(key));
                self.children.push(Child { key, element, owner });
            }
        }
        for child in previous {
            child.owner.cleanup();
            child.element.remove();
        }
        self.move_into_order(unchanged);
    }

    /// Moves the children at or after an index to their positions.
    fn move_into_order(&self, from: usize) {
        let mut next = match from.checked_sub(1) {
            Some(last) => self.children[last].element.next_element_sibling(),
            None => self.parent.first_element_child(),
        };
        for child in &self.children[from..] {
            if next.as_ref() == Some(&child.element) {
                next = child.element.next_element_sibling();
            } else {
                let _ = self.parent.insert_before(&child.element, next.as_deref());
            }
        }
    }
}
