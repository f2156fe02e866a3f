#pragma once

#include "story.h"

#include <filesystem>

namespace ntd::report {

// Reads the record of a run line by line, and keeps what the report shows. Lines that are damaged
// are counted and passed over. Throws SystemError if the file cannot be read.
Story read_record(const std::filesystem::path& record);

} // namespace ntd::report
