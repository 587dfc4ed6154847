//! Which task may run when. A task owns two blocks while it runs; the order of the tasks of a block is fixed beforehand, so a task may start as soon as
//! its two predecessors are done. No task waits for a lock, no round waits for its slowest task, and neither answers nor counters depend
//! on the number of threads.

use std::sync::atomic::{AtomicU8, Ordering};

use rayon::Scope;

/// A pair of blocks: (row block, column block).
pub type Task = (usize, usize);

/// Tasks with, for each, who comes after it on its row block and on its column block, and how many must come before.
pub struct Schedule {
    tasks: Vec<Task>,
    next: Vec<[Option<u32>; 2]>,
    before: Vec<u8>,
}

/// Every pair of `rows` x `columns` blocks, in rounds in which no block occurs twice.
pub fn across(rows: usize, columns: usize) -> Schedule {
    let longest = rows.max(columns);
    let mut tasks = Vec::with_capacity(rows * columns);
    for round in 0..longest {
        for row in 0..rows {
            let column = (row + round) % longest;
            if column < columns {
                tasks.push((row, column));
            }
        }
    }
    Schedule::new(tasks, rows, columns, false)
}

/// Every unordered pair of `blocks` blocks once, each with itself first, then in the rounds of a tournament (the circle method).
pub fn within(blocks: usize) -> Schedule {
    let mut tasks: Vec<Task> = (0..blocks).map(|b| (b, b)).collect();
    let seats = blocks + blocks % 2;
    for round in 0..seats.saturating_sub(1) {
        // Seat 0 stays, the others move on by one.
        let player = |seat: usize| {
            if seat == 0 {
                0
            } else {
                1 + (seat - 1 + round) % (seats - 1)
            }
        };
        for seat in 0..seats / 2 {
            let (a, b) = (player(seat), player(seats - 1 - seat));
            if a.max(b) < blocks {
                tasks.push((a.min(b), a.max(b)));
            }
        }
    }
    Schedule::new(tasks, blocks, blocks, true)
}

impl Schedule {
    /// `shared`: row and column blocks are the same blocks.
    fn new(tasks: Vec<Task>, rows: usize, columns: usize, shared: bool) -> Self {
        let mut next = vec![[None; 2]; tasks.len()];
        let mut before = vec![0u8; tasks.len()];
        // The last task so far of every block, and which of its two places the block has there.
        let mut last: Vec<Option<(usize, usize)>> = vec![None; rows + columns];
        for (t, &(row, column)) in tasks.iter().enumerate() {
            let blocks = [row, if shared { column } else { rows + column }];
            for (place, &block) in blocks.iter().enumerate() {
                if place == 1 && blocks[0] == blocks[1] {
                    continue;
                }
                if let Some((earlier, at)) = last[block].replace((t, place)) {
                    next[earlier][at] = Some(t as u32);
                    before[t] += 1;
                }
            }
        }
        Self {
            tasks,
            next,
            before,
        }
    }

    /// Runs every task on the current pool; `work` is given the task and the one that is likely to follow on the same thread. A task that returns false
    /// ends the run: what comes after it is not started.
    pub fn run(&self, work: impl Fn(Task, Option<Task>) -> bool + Sync) {
        let waiting: Vec<AtomicU8> = self.before.iter().map(|&n| AtomicU8::new(n)).collect();
        rayon::scope(|scope| {
            for (t, &before) in self.before.iter().enumerate() {
                if before == 0 {
                    let (waiting, work) = (&waiting, &work);
                    scope.spawn(move |scope| self.chain(t, waiting, work, scope));
                }
            }
        });
    }

    /// Runs a task, then whatever it made ready, its row block's next task before its column block's.
    fn chain<'s>(
        &'s self,
        mut t: usize,
        waiting: &'s [AtomicU8],
        work: &'s (impl Fn(Task, Option<Task>) -> bool + Sync),
        scope: &Scope<'s>,
    ) {
        loop {
            let likely = self.next[t][0].map(|next| self.tasks[next as usize]);
            if !work(self.tasks[t], likely) {
                return;
            }
            let ready = |next: &u32| waiting[*next as usize].fetch_sub(1, Ordering::AcqRel) == 1;
            let [row, column] = self.next[t].map(|next| next.filter(ready));
            let Some(next) = row.or(column) else { return };
            if let (Some(_), Some(other)) = (row, column) {
                scope.spawn(move |scope| self.chain(other as usize, waiting, work, scope));
            }
            t = next as usize;
        }
    }

    #[cfg(test)]
    pub fn tasks(&self) -> &[Task] {
        &self.tasks
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::sync::Mutex;

    #[test]
    fn every_pair_comes_once() {
        for (rows, columns) in [(1, 1), (1, 5), (5, 1), (4, 4), (7, 3), (3, 8)] {
            let tasks: HashSet<Task> = across(rows, columns).tasks().iter().copied().collect();
            assert_eq!(tasks.len(), rows * columns);
            assert_eq!(across(rows, columns).tasks().len(), rows * columns);
        }
        for blocks in 1..12 {
            let schedule = within(blocks);
            let tasks: HashSet<Task> = schedule.tasks().iter().copied().collect();
            assert_eq!(schedule.tasks().len(), blocks * (blocks + 1) / 2);
            assert_eq!(tasks.len(), schedule.tasks().len());
            assert!(tasks.iter().all(|(a, b)| a <= b && *b < blocks));
        }
    }

    #[test]
    fn no_block_is_ever_in_two_tasks_and_all_tasks_run() {
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(8)
            .build()
            .unwrap();
        for (schedule, shared) in [(across(9, 6), false), (within(11), true)] {
            let busy: Vec<Mutex<()>> = (0..32).map(|_| Mutex::new(())).collect();
            let ran = Mutex::new(Vec::new());
            pool.install(|| {
                schedule.run(|(row, column), _| {
                    let column_slot = if shared { column } else { 16 + column };
                    let _row = busy[row].try_lock().expect("a row block in two tasks");
                    let _column = (column_slot != row).then(|| {
                        busy[column_slot]
                            .try_lock()
                            .expect("a column block in two tasks")
                    });
                    ran.lock().unwrap().push((row, column));
                    true
                });
            });
            let mut ran = ran.into_inner().unwrap();
            let mut all = schedule.tasks().to_vec();
            ran.sort_unstable();
            all.sort_unstable();
            assert_eq!(ran, all);
        }
    }

    #[test]
    fn rounds_leave_work_for_many_threads() {
        // Of 64 blocks, 32 pairs can run at once: the longest chain of a block is as long as its number of tasks.
        let schedule = within(64);
        let mut depth = vec![1; schedule.tasks.len()];
        for t in 0..schedule.tasks.len() {
            for next in schedule.next[t].into_iter().flatten() {
                depth[next as usize] = depth[next as usize].max(depth[t] + 1);
            }
        }
        assert_eq!(depth.into_iter().max(), Some(64));
    }
}
