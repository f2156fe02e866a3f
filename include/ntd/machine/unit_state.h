#pragma once

#include <ntd/machine/guest_ops.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

// Finds out why a systemd unit is not active, for the message of a failed wait.
namespace ntd::machine {

using UnitProperties = std::map<std::string, std::string>;

// Returns the reason that the properties of a failed or inactive unit give. Empty if they give
// none: systemd forgets how a unit ended that no other unit needs.
std::string reason_in(const UnitProperties& properties);

// The same, from the last line that systemd wrote about the unit to the journal.
std::string reason_in(std::string_view journal_line, const UnitProperties& properties);

// Returns the most similar name in `names`. Empty if none is similar.
std::string nearest_unit(std::string_view unit, const std::vector<std::string>& names);

// Asks the guest for the reason. The result begins with ": ". It is empty if the guest does not
// answer in time. If the unit has failed, the end of its journal follows.
std::string
why_not_active(Machine& machine, const std::string& unit, const User& user, bool has_failed);

// Returns a message if the systemd manager of this user does not run. Empty if it runs, or if there
// is no such user.
std::string missing_manager(Machine& machine, const std::string& user);

} // namespace ntd::machine
