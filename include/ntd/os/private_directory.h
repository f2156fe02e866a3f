#pragma once

#include <ntd/base/unique_fd.h>

#include <filesystem>
#include <string>

namespace ntd::os {

// Directories that nobody but us can change, where others may make some as well (/tmp): what
// somebody has prepared under a name that can be guessed is never used, followed or removed.

// Who writes in a directory: only we, or guests, too. Nothing in the latter is trusted, so that it
// is closed to others again where a guest has opened it to them.
enum class Contents { ours, of_guests };

// Opens a directory of ours, made with its parents if there is none, and leaves it with the mode
// 0700. Throws Error if what is there is no directory (a link to one is none), belongs to another
// user, or may be written to by others; SystemError. One that `known` is a descriptor of has been
// through this before: whoever it belongs to by now, a guest has given it to.
UniqueFd open_private_directory(const std::filesystem::path& path,
                                Contents contents = Contents::ours,
                                int known = -1);

// Makes an open directory ours again, and closed: a guest may have given it away, and the next run
// would refuse it.
void take_back(int directory) noexcept;

// The same, and no other run can have it while the descriptor (which may be a duplicate of
// `known`) is open. Throws Error if one has it; see lock_directory().
UniqueFd claim_private_directory(const std::filesystem::path& path,
                                 Contents contents = Contents::ours,
                                 int known = -1);

// Removes what an earlier run has left under that path: a directory as above with all that is in
// it, or a link or file of ours. False if nothing was there. Throws as open_private_directory(),
// and Error if another run has claimed the directory, or that to which the link leads.
bool remove_private(const std::filesystem::path& path);

// Makes a new directory, or a symbolic link to `target`, and returns its path: `prefix`, a hyphen,
// and what nobody can guess.
std::filesystem::path make_fresh_directory(const std::string& prefix);
std::filesystem::path make_fresh_link(const std::string& prefix,
                                      const std::filesystem::path& target);

// Opens a new file for writing. A file or symbolic link of ours under that name is replaced, not
// followed: a copy may have brought it from a guest. A pipe or a device is the caller's. Throws
// Error if a file or link there is somebody else's; SystemError.
UniqueFd open_output(const std::filesystem::path& path);

} // namespace ntd::os
