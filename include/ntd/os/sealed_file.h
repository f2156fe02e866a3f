#pragma once

#include <ntd/base/unique_fd.h>

#include <string_view>

namespace ntd::os {

// A file in memory with these bytes, to be read from its begin: whoever gets it can change neither
// them nor its size. Throws SystemError.
UniqueFd sealed_file(const char* name, std::string_view bytes);

} // namespace ntd::os
