#pragma once

#include <ntd/trace/trace.h>

#include <array>
#include <string_view>

namespace ntd::trace {

// In the order of the enums Level and Category.
inline constexpr std::array<std::string_view, 5> level_names{"off", "warning", "info", "debug",
                                                             "trace"};
inline constexpr std::array<std::string_view, category_count> category_names{
    "driver", "bindings", "os", "log", "machine", "qemu", "nspawn", "network", "vsock", "channel"};

} // namespace ntd::trace
