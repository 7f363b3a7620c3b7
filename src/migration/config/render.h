// Configuration as files: the printed form, and the form of `config export`.
#pragma once

#include <string>

#include "migration/config/password_cipher.h"
#include "migration/config/source.h"
#include "migration/config/subtask.h"
#include "migration/config/task.h"

namespace dm::migration {

enum class Passwords { kHidden, kPlain };

// Every key in its order. With kHidden the content of TLS files is left out as well (DropTlsBytes)
// and a private key in base64 is hidden; with kPlain everything is there, so that the text can take
// the place of the file.
std::string SourceToYaml(const SourceConfig& source, Passwords passwords);
std::string TaskToYaml(const TaskConfig& task, Passwords passwords);

// As stored, but without secrets: passwords are ******, content of TLS files as with kHidden.
std::string SubtaskToShownToml(const SubtaskConfig& subtask);

// The export format, which DM 2.0 can read: its keys, newer ones only where they differ from the
// default. Passwords are encrypted if there is a key, else written as plain text; content of TLS
// files is left out (DropTlsBytes).
std::string SourceToExportYaml(const SourceConfig& source, const PasswordCipher& cipher);
std::string TaskToExportYaml(const TaskConfig& task, const PasswordCipher& cipher);

}  // namespace dm::migration
