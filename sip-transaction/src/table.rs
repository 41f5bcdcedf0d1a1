//! Where transactions live: a slot each, found by number in constant time.

/// A slot and who was in it: the number of a transaction that is gone finds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct SlotId {
    pub(crate) slot: u32,
    serial: u32,
}

impl SlotId {
    /// Not above any other.
    pub(crate) const FIRST: SlotId = SlotId { slot: 0, serial: 0 };
}

struct Slot<T> {
    /// Counts insertions into the table, so that a slot's next tenant has another number.
    serial: u32,
    next_free: u32,
    tenant: Option<Box<T>>,
}

/// Slots of 16 bytes, and one allocation per tenant, given back when it leaves.
pub(crate) struct Table<T> {
    slots: Vec<Slot<T>>,
    first_free: u32,
    serial: u32,
    len: usize,
}

const NO_SLOT: u32 = u32::MAX;

/// An empty table keeps room for this many, and returns what a busy time made it grow to.
pub(crate) const ROOM_KEPT: usize = 1024;

impl<T> Table<T> {
    pub(crate) const fn new() -> Table<T> {
        Table {
            slots: Vec::new(),
            first_free: NO_SLOT,
            serial: 0,
            len: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Moves in what `tenant` makes of its own number.
    pub(crate) fn insert(&mut self, tenant: impl FnOnce(SlotId) -> T) -> SlotId {
        self.serial = self.serial.wrapping_add(1);
        let serial = self.serial;
        let slot = match self.slots.get_mut(self.first_free as usize) {
            Some(free) => {
                let slot = self.first_free;
                self.first_free = free.next_free;
                slot
            }
            None => {
                self.slots.push(Slot {
                    serial,
                    next_free: NO_SLOT,
                    tenant: None,
                });
                (self.slots.len() - 1) as u32
            }
        };
        let id = SlotId { slot, serial };
        let entry = &mut self.slots[slot as usize];
        entry.serial = serial;
        entry.tenant = Some(Box::new(tenant(id)));
        self.len += 1;
        id
    }

    pub(crate) fn get(&self, id: SlotId) -> Option<&T> {
        let slot = self.slots.get(id.slot as usize)?;
        slot.tenant.as_deref().filter(|_| slot.serial == id.serial)
    }

    pub(crate) fn get_mut(&mut self, id: SlotId) -> Option<&mut T> {
        let slot = self.slots.get_mut(id.slot as usize)?;
        let serial = slot.serial;
        slot.tenant.as_deref_mut().filter(|_| serial == id.serial)
    }

    /// Whoever lives in `slot` now.
    pub(crate) fn tenant(&self, slot: u32) -> Option<(SlotId, &T)> {
        let entry = self.slots.get(slot as usize)?;
        let serial = entry.serial;
        let tenant = entry.tenant.as_deref()?;
        Some((SlotId { slot, serial }, tenant))
    }

    pub(crate) fn tenants(&self) -> impl Iterator<Item = &T> {
        self.slots.iter().filter_map(|slot| slot.tenant.as_deref())
    }

    pub(crate) fn remove(&mut self, id: SlotId) -> Option<T> {
        self.get(id)?;
        let entry = &mut self.slots[id.slot as usize];
        let tenant = entry.tenant.take()?;
        entry.next_free = self.first_free;
        self.first_free = id.slot;
        self.len -= 1;
        if self.len == 0 && self.slots.capacity() > ROOM_KEPT {
            self.slots = Vec::new();
            self.first_free = NO_SLOT;
        }
        Some(*tenant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_never_finds_the_next_tenant() {
        let mut table = Table::new();
        let old = table.insert(|_| "old");
        assert_eq!(table.remove(old), Some("old"));
        let new = table.insert(|_| "new");
        assert_eq!(new.slot, old.slot);
        assert_eq!(table.get(old), None);
        assert_eq!(table.remove(old), None);
        assert_eq!(table.get(new), Some(&"new"));
    }

    #[test]
    fn an_empty_table_gives_its_memory_back() {
        let mut table = Table::new();
        let ids: Vec<_> = (0..5000).map(|n| table.insert(|_| n)).collect();
        for id in &ids {
            table.remove(*id);
        }
        assert_eq!(table.slots.capacity(), 0);
        let next = table.insert(|_| 1);
        assert!(ids.iter().all(|id| *id != next));
    }
}
