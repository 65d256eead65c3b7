//! Memory for reading large objects one after the other. The allocator is slow to reuse memory that another thread
//! has freed, so several objects would otherwise take memory at the same time.

use std::mem;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::limits::CHECK_FILE_LIMIT;

/// The size above which an object uses the buffer, in bytes.
pub const LARGE_SIZE: usize = 4 << 20;

/// A buffer for the contents of an object, which one reader can use at a time.
#[derive(Debug, Clone)]
pub struct ReadBuffer(Arc<Mutex<Vec<u8>>>);

impl Default for ReadBuffer {
    fn default() -> ReadBuffer {
        // Unused parts take no memory. Reading a file to its end needs room for one more byte.
        ReadBuffer(Arc::new(Mutex::new(Vec::with_capacity(CHECK_FILE_LIMIT as usize + 1))))
    }
}

impl ReadBuffer {
    /// Returns an empty vector with room for an object and one more byte: the buffer if the object is large and no other
    /// reader uses the buffer, otherwise a new one.
    pub(super) fn take(&self, size: usize) -> Vec<u8> {
        let mut buffer = self.lock();
        if size > LARGE_SIZE && buffer.capacity() > size { mem::take(&mut *buffer) } else { Vec::with_capacity(size) }
    }

    /// Wraps contents so that the buffer can be used again once they are dropped.
    #[must_use]
    pub fn lend(&self, content: Vec<u8>) -> BufferedContent {
        BufferedContent { content, buffer: self.clone() }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The contents of an object, possibly in a [`ReadBuffer`].
#[derive(Debug)]
pub struct BufferedContent {
    content: Vec<u8>,
    buffer: ReadBuffer,
}

impl Deref for BufferedContent {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.content
    }
}

impl Drop for BufferedContent {
    fn drop(&mut self) {
        let mut content = mem::take(&mut self.content);
        let mut buffer = self.buffer.lock();
        if buffer.capacity() == 0 && content.capacity() > CHECK_FILE_LIMIT as usize {
            content.clear();
            *buffer = content;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_objects_use_the_same_memory_one_after_the_other() {
        let buffer = ReadBuffer::default();
        let mut first = buffer.take(LARGE_SIZE + 1);
        let address = first.as_ptr();
        first.extend([7; 3]);
        let (other, small) = (buffer.take(LARGE_SIZE + 1), buffer.take(3));
        assert!(other.as_ptr() != address && other.capacity() > LARGE_SIZE && small.capacity() < LARGE_SIZE);
        drop((buffer.lend(other), buffer.lend(small)));
        let lent = buffer.lend(first);
        assert_eq!(*lent, [7; 3]);
        drop(lent);
        let again = buffer.take(CHECK_FILE_LIMIT as usize);
        assert!(again.as_ptr() == address && again.is_empty());
    }
}
