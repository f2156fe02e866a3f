#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

// The key to press on a US keyboard for a character, by its name in QEMU's `sendkey` (qapi/ui.json,
// QKeyCode).
namespace ntd::proto {

// Characters whose key has another name.
constexpr std::array<std::pair<char, std::string_view>, 64> char_to_key{{
    {'A', "shift-a"},       {'B', "shift-b"},
    {'C', "shift-c"},       {'D', "shift-d"},
    {'E', "shift-e"},       {'F', "shift-f"},
    {'G', "shift-g"},       {'H', "shift-h"},
    {'I', "shift-i"},       {'J', "shift-j"},
    {'K', "shift-k"},       {'L', "shift-l"},
    {'M', "shift-m"},       {'N', "shift-n"},
    {'O', "shift-o"},       {'P', "shift-p"},
    {'Q', "shift-q"},       {'R', "shift-r"},
    {'S', "shift-s"},       {'T', "shift-t"},
    {'U', "shift-u"},       {'V', "shift-v"},
    {'W', "shift-w"},       {'X', "shift-x"},
    {'Y', "shift-y"},       {'Z', "shift-z"},
    {'-', "minus"},         {'_', "shift-minus"},
    {'=', "equal"},         {'+', "shift-equal"},
    {'[', "bracket_left"},  {'{', "shift-bracket_left"},
    {']', "bracket_right"}, {'}', "shift-bracket_right"},
    {';', "semicolon"},     {':', "shift-semicolon"},
    {'\'', "apostrophe"},   {'"', "shift-apostrophe"},
    {'`', "grave_accent"},  {'~', "shift-grave_accent"},
    {'\\', "backslash"},    {'|', "shift-backslash"},
    {',', "comma"},         {'<', "shift-comma"},
    {'.', "dot"},           {'>', "shift-dot"},
    {'/', "slash"},         {'?', "shift-slash"},
    {'!', "shift-1"},       {'@', "shift-2"},
    {'#', "shift-3"},       {'$', "shift-4"},
    {'%', "shift-5"},       {'^', "shift-6"},
    {'&', "shift-7"},       {'*', "shift-8"},
    {'(', "shift-9"},       {')', "shift-0"},
    {' ', "spc"},           {'\n', "ret"},
    {'\t', "tab"},          {'\x1B', "esc"},
    {'\b', "backspace"},    {'\x7F', "delete"},
}};

// The key for a character. Text that is a key name already ("ctrl-alt-f1") is returned as it is.
// Nothing if a US keyboard has no such character.
std::optional<std::string> key_name(std::string_view key);

} // namespace ntd::proto
