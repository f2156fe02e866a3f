#include <ntd/proto/keymap.h>

#include <gtest/gtest.h>

#include <set>

namespace ntd::proto {

namespace {

// From QKeyCode in QEMU's qapi/ui.json: the keys of a US keyboard that type characters.
const std::set<std::string_view> qemu_keys{
    "0",
    "1",
    "2",
    "3",
    "4",
    "5",
    "6",
    "7",
    "8",
    "9",
    "a",
    "b",
    "c",
    "d",
    "e",
    "f",
    "g",
    "h",
    "i",
    "j",
    "k",
    "l",
    "m",
    "n",
    "o",
    "p",
    "q",
    "r",
    "s",
    "t",
    "u",
    "v",
    "w",
    "x",
    "y",
    "z",
    "minus",
    "equal",
    "spc",
    "ret",
    "comma",
    "dot",
    "slash",
    "semicolon",
    "backslash",
    "apostrophe",
    "tab",
    "grave_accent",
    "bracket_left",
    "bracket_right",
};

std::string_view without_shift(std::string_view key) {
    constexpr std::string_view shift = "shift-";
    return key.starts_with(shift) ? key.substr(shift.size()) : key;
}

// The printable ASCII characters for which QEMU has no key.
std::string characters_without_a_key() {
    std::string characters;
    for (char c = ' '; c < '\x7F'; ++c)
        if (!qemu_keys.contains(without_shift(*key_name(std::string(1, c)))))
            characters += c;
    return characters;
}

TEST(KeyName, IsKnownToQemuForEveryPrintableCharacter) {
    EXPECT_EQ(characters_without_a_key(), "");
}

TEST(KeyName, GivesEveryCharacterAKeyOfItsOwn) {
    std::set<std::string> keys;
    for (char c = ' '; c < '\x7F'; ++c)
        keys.insert(*key_name(std::string(1, c)));
    EXPECT_EQ(keys.size(), 95U);
}

TEST(KeyName, HoldsShiftForACapital) {
    EXPECT_EQ(key_name("A"), "shift-a");
}

TEST(KeyName, HoldsShiftForASignAboveADigit) {
    EXPECT_EQ(key_name("("), "shift-9");
}

TEST(KeyName, EndsALine) {
    EXPECT_EQ(key_name("\n"), "ret");
}

TEST(KeyName, KeepsTheNameOfAKey) {
    EXPECT_EQ(key_name("ctrl-alt-f1"), "ctrl-alt-f1");
}

TEST(KeyName, KnowsTheKeysThatWriteControlCharacters) {
    EXPECT_EQ(key_name("\t"), "tab");
    EXPECT_EQ(key_name("\x1B"), "esc");
    EXPECT_EQ(key_name("\b"), "backspace");
    EXPECT_EQ(key_name("\x7F"), "delete");
}

TEST(KeyName, IsNoneForACharacterThatIsOnNoKey) {
    EXPECT_EQ(key_name("\x01"), std::nullopt);
    EXPECT_EQ(key_name("\u20AC"), std::nullopt);
    EXPECT_EQ(key_name("ctrl-\x1B"), std::nullopt);
}

} // namespace

} // namespace ntd::proto
