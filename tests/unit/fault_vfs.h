// SPDX-License-Identifier: MIT
#ifndef BITLOOM_TESTS_FAULT_VFS_H
#define BITLOOM_TESTS_FAULT_VFS_H

// A disk for SQLite that can lose power. It lives in memory. What is written can be read at once,
// but stays on the disk only once it is synced: at a crash each write since the last sync of its
// file is kept, lost or torn into sectors of 512 bytes, some of which are kept.
//
//     fault_vfs_register();
//     fault_vfs_format();                    // an empty disk
//     fault_vfs_crash_after(17, seed);       // the 17th write, truncation or sync from now fails
//     ... every operation from there on fails; close the database ...
//     fault_vfs_restart();                   // what is on the disk now is what survived
//
// One connection at a time: locks always succeed.

#include <stdbool.h>
#include <stdint.h>

#define FAULT_VFS "fault"

void fault_vfs_register(void);
void fault_vfs_format(void);
void fault_vfs_crash_after(uint64_t n_operations, uint64_t seed); // 0: never
bool fault_vfs_is_crashed(void);
void fault_vfs_restart(void);
uint64_t fault_vfs_n_operations(void); // that could have crashed, since the last format
uint64_t fault_vfs_n_torn(void);       // writes that a crash has torn or lost, since the beginning

#endif
