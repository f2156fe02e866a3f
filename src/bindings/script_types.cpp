#include "script_types.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <numeric>
#include <string_view>

namespace py = pybind11;

namespace ntd::bindings {

namespace {

using machine::Seconds;

// A length of time that is ours, within a capsule of this name.
constexpr const char* our_length = "ntd.Seconds";

py::arg_v length_by_default(const char* name, const Seconds& length, const char* shown) {
    return {name, py::capsule(&length, our_length), shown};
}

bool is_ascii(std::string_view bytes) {
    const auto bits = std::accumulate(bytes.begin(), bytes.end(), 0U,
                                      [](unsigned all, char c) { return all | std::uint8_t(c); });
    return bits < 0x80;
}

// Gives the memory of what nobody reads any more back to the system: whole pages of it.
void release_pages(char* begin, std::size_t size) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    const auto to_page = -reinterpret_cast<std::uintptr_t>(begin) % page;
    if (size > to_page)
        ::madvise(begin + to_page, (size - to_page) / page * page, MADV_DONTNEED);
}

} // namespace

// Python looks at it: it knows what a length is, and of which ones scripts are to be warned.
machine::Timeout length_of(const py::handle& given) {
    if (given.is_none())
        return std::nullopt;
    if (PyCapsule_IsValid(given.ptr(), our_length) != 0)
        return *static_cast<const Seconds*>(PyCapsule_GetPointer(given.ptr(), our_length));
    const py::object seconds = py::module_::import("test_driver.duration").attr("seconds");
    return Seconds(seconds(given, Method::name_of_call()).cast<double>());
}

py::arg_v timeout_by_default() {
    return length_by_default("timeout", usual_limit, "DEFAULT_LIMIT");
}

py::arg_v delay_by_default() {
    return length_by_default("delay", key_delay, "KEY_DELAY");
}

// Much output as text. Its bytes go as the text comes: both would take twice the memory.
py::str into_text(std::string bytes) {
    constexpr std::size_t piece = std::size_t{1} << 20;
    if (bytes.size() < piece || !is_ascii(bytes))
        return text_of(std::string_view(bytes));
    auto text =
        py::reinterpret_steal<py::str>(PyUnicode_New(static_cast<Py_ssize_t>(bytes.size()), 0x7F));
    if (!text)
        throw py::error_already_set();
    auto* to = static_cast<char*>(PyUnicode_DATA(text.ptr()));
    for (std::size_t done = 0; done < bytes.size(); done += piece) {
        const auto size = std::min(piece, bytes.size() - done);
        std::copy_n(bytes.data() + done, size, to + done);
        release_pages(bytes.data() + done, size);
    }
    return text;
}

} // namespace ntd::bindings
