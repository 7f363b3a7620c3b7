// TLS material of databases: from files and base64 to content.
#pragma once

#include "migration/config/database.h"

namespace dm::migration {

// True if `db` asks for TLS.
bool AsksForTls(const DbConfig& db);

// Fills what is given by base64 or by path into the bytes: first from base64 (CA, key,
// certificate), then from files. A part that has bytes is left alone. The first part that cannot be
// read ends it: Error 48003, what was loaded before stays.
void LoadTlsContent(SecurityConfig& security);

// As LoadTlsContent, for what a client sent: a part that is given by path only is refused (Error
// 48003), since the path is one of the client's machine.
void RequireTlsContent(SecurityConfig& security);

// Clears the bytes, as printed configurations have none. A part that is given neither by path nor
// by base64 becomes base64, since without it the text would ask for less than the configuration
// does.
void DropTlsBytes(SecurityConfig& security);

// As DropTlsBytes, and takes the private key out of what is going to be shown: its base64 becomes
// ******, which LoadTlsContent refuses.
void HideTlsContent(SecurityConfig& security);

}  // namespace dm::migration
