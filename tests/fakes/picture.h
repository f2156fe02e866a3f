#pragma once

#include <string>

namespace fake {

struct Picture { // 8-bit RGB, row by row
    size_t width = 0;
    size_t height = 0;
    std::string pixels;
};

// The P6 file `path`, or a test pattern when it is empty or unreadable.
Picture load_picture(const std::string& path);
std::string encode_ppm(const Picture& picture);
std::string encode_png(const Picture& picture);

} // namespace fake
