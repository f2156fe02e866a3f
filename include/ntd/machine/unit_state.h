#pragma once

#include <ntd/machine/guest_ops.h>

#include <map>
#include <string>
#include <string_view>
#include <vector>

// Why a unit of systemd is not active: for the failure of a wait for it.
namespace ntd::machine {

using UnitProperties = std::map<std::string, std::string>;

// What the properties of a unit that has failed, or is inactive, tell; empty if they tell nothing.
// systemd forgets how a unit that nobody needs has ended.
std::string reason_in(const UnitProperties& properties);

// The same of the last line that systemd has written about the unit into the journal.
std::string reason_in(std::string_view journal_line, const UnitProperties& properties);

// The name among those that is most like this one; empty if none is.
std::string nearest_unit(std::string_view unit, const std::vector<std::string>& names);

// Asks the guest. Begins with ": ", or is empty if the guest does not say, within a minute.
std::string why_not_active(Machine& machine, const std::string& unit, const User& user);

// Says that systemd's manager of this user's units does not run; empty if it does, or there is no
// such user.
std::string missing_manager(Machine& machine, const std::string& user);

} // namespace ntd::machine
