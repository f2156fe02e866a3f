#pragma once

#include <ntd/base/unique_fd.h>

#include <filesystem>
#include <string>

namespace ntd::os {

// Directories that only our user can change, in places where others can create files, too (/tmp).
// What another user has prepared under a name that can be guessed is never used, followed or
// removed.

// Who writes to a directory: the driver alone, or guests, too. A guest may have opened its
// directory to other users; it is then closed again instead of refused.
enum class Contents { ours, of_guests };

// Opens a directory of ours with the mode 0700; makes it, and its parents, if there is none. Throws
// Error if the path is not a directory (a link to one is not), belongs to another user, or is
// writable for others; SystemError. `known` is a descriptor of a directory that was checked before.
// If the path is still that directory, it is not checked again: only a guest can have changed its
// owner since.
UniqueFd open_private_directory(const std::filesystem::path& path,
                                Contents contents = Contents::ours,
                                int known = -1);

// Restores owner and mode 0700 of an open directory. A guest may have changed them, and the next
// run would refuse the directory.
void take_back(int directory) noexcept;

// Like open_private_directory(), and locks the directory against other runs while the descriptor
// (which may be a duplicate of `known`) is open. Throws Error if another run has locked it; see
// lock_directory().
UniqueFd claim_private_directory(const std::filesystem::path& path,
                                 Contents contents = Contents::ours,
                                 int known = -1);

// Removes what an earlier run has left at that path: a directory as above with all its content, or
// a link or file of ours. Returns false if nothing was there. Throws like open_private_directory(),
// and Error if another run has locked the directory, or the one that the link leads to.
bool remove_private(const std::filesystem::path& path);

// Makes a new directory, or a symbolic link to `target`, and returns its path: `prefix`, a hyphen
// and random characters.
std::filesystem::path make_fresh_directory(const std::string& prefix);
std::filesystem::path make_fresh_link(const std::string& prefix,
                                      const std::filesystem::path& target);

// Opens a new file for writing. A file or symbolic link of ours under that name is replaced, not
// followed, because a copy from a guest may have created it. A pipe or a device is used as it is.
// Throws Error if a file or link there belongs to another user; SystemError.
UniqueFd open_output(const std::filesystem::path& path);

} // namespace ntd::os
