#include "picture.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdio>
#include <string_view>

#include "fd.h"

namespace fake {

namespace {

Picture test_pattern() {
    Picture picture{160, 100, {}};
    for (size_t y = 0; y < picture.height; ++y)
        for (size_t x = 0; x < picture.width; ++x) {
            const bool light = (x / 10 + y / 10) % 2 == 0;
            picture.pixels += static_cast<char>(light ? 255 : x);
            picture.pixels += static_cast<char>(light ? 255 : y);
            picture.pixels += static_cast<char>(light ? 255 : 128);
        }
    return picture;
}

std::string big_endian(uint32_t value) {
    std::string bytes;
    for (int shift = 24; shift >= 0; shift -= 8)
        bytes += static_cast<char>(value >> shift & 255U);
    return bytes;
}

uint32_t crc32(std::string_view bytes) {
    uint32_t crc = ~0U;
    for (const char byte : bytes) {
        crc ^= static_cast<unsigned char>(byte);
        for (int bit = 0; bit < 8; ++bit)
            crc = crc >> 1 ^ (crc & 1U ? 0xEDB88320U : 0U);
    }
    return ~crc;
}

uint32_t adler32(std::string_view bytes) {
    uint32_t low = 1;
    uint32_t high = 0;
    for (const char byte : bytes) {
        low = (low + static_cast<unsigned char>(byte)) % 65521U;
        high = (high + low) % 65521U;
    }
    return high << 16 | low;
}

// A zlib stream of stored blocks, which every decoder accepts and which needs no compressor.
std::string zlib_stored(std::string_view bytes) {
    std::string stream = "\x78\x01";
    const uint32_t checksum = adler32(bytes);
    do {
        const size_t size = std::min<size_t>(bytes.size(), 65535);
        const bool last = size == bytes.size();
        stream += static_cast<char>(last ? 1 : 0);
        for (const size_t field : {size, ~size}) {
            stream += static_cast<char>(field & 255U);
            stream += static_cast<char>(field >> 8 & 255U);
        }
        stream += bytes.substr(0, size);
        bytes.remove_prefix(size);
    } while (!bytes.empty());
    return stream + big_endian(checksum);
}

std::string chunk(const std::string& type, const std::string& data) {
    return big_endian(static_cast<uint32_t>(data.size())) + type + data +
           big_endian(crc32(type + data));
}

} // namespace

Picture load_picture(const std::string& path) {
    if (path.empty())
        return test_pattern();
    const std::string file = read_file(path);
    Picture picture;
    int header = 0;
    if (std::sscanf(file.c_str(), "P6 %zu %zu 255%n", &picture.width, &picture.height, &header) !=
            2 ||
        header == 0)
        return test_pattern();
    picture.pixels = file.substr(std::min(file.size(), static_cast<size_t>(header) + 1));
    picture.pixels.resize(picture.width * picture.height * 3);
    return picture;
}

std::string encode_ppm(const Picture& picture) {
    return "P6\n" + std::to_string(picture.width) + " " + std::to_string(picture.height) +
           "\n255\n" + picture.pixels;
}

std::string encode_png(const Picture& picture) {
    std::string rows;
    for (size_t y = 0; y < picture.height; ++y) {
        rows += '\0'; // filter: none
        rows += picture.pixels.substr(y * picture.width * 3, picture.width * 3);
    }
    const std::string colour("\x08\x02\0\0\0", 5); // 8 bits, RGB, no interlace
    return "\x89PNG\r\n\x1a\n" +
           chunk("IHDR", big_endian(static_cast<uint32_t>(picture.width)) +
                             big_endian(static_cast<uint32_t>(picture.height)) + colour) +
           chunk("IDAT", zlib_stored(rows)) + chunk("IEND", "");
}

} // namespace fake
