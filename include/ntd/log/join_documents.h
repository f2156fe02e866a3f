#pragma once

#include <filesystem>

namespace ntd::log {

// Puts what the root of an earlier XML document has in front of what that of a later one has, and
// writes both into the file of the later one: a whole document, even if those of processes that
// were killed end too early. Returns false if one of them has no root, and if the result cannot be
// written.
bool join_documents(const std::filesystem::path& earlier, const std::filesystem::path& later);

} // namespace ntd::log
