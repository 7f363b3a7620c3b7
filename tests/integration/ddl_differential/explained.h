// Statements that only one side refuses, and why that is right; what servers do not show.
#pragma once

#include <string_view>

namespace dm::mysql {

// A binlog holds only what its server took. The tracker refuses what it cannot apply: names that
// are not there, names that are there already. It does not judge values, engines and rights again.
struct ServerRefusals {
  const char* why;
  int numbers[26];  // ends with 0
};
inline constexpr ServerRefusals kServerRefusals[] = {
    {"what is there, or gone, already is passed over: a statement may be repeated after a crash",
     {1007, 1008, 1025, 1050, 1051, 1061, 1072, 1090, 1091, 1176, 3821, 3940}},
    {"the parser takes clauses of all servers and versions, and their order freely",
     {1064, 1221, 1302, 4028, 3981, 1235, 3889, 1149}},
    {"is a default or a value valid for its type? The server has judged it",
     {1067, 1101, 1294, 3770, 3772, 1292, 1416, 1138, 1366, 1406, 1265, 1264, 1294}},
    {"can the type, or a column that may be NULL, have this key? The server has judged it",
     {1170, 1903, 1089, 1283, 1071, 1075, 1171, 1252, 1687, 1170, 1070, 1062,
      1210, 4174, 3728, 3152, 3057, 3522, 3753, 1280, 1261, 1066, 4051, 3729}},
    {"does a foreign key fit the other table, and a column its keys? The server has judged it",
     {1005, 1215, 1216, 1217, 1451, 1452, 1553, 1821, 1822, 1824, 1826, 1828,
      1830, 1832, 1833, 3780, 6125, 3733, 3104, 1834, 3823, 1239, 1846}},
    {"is an expression allowed where it stands? The server has judged it; the tracker renames "
     "columns in expressions, which MySQL refuses",
     {1901, 3102, 3107, 3754, 3105, 3106, 3108, 3109, 3755, 3757, 3758, 3761, 3763,
      3764, 3766, 3769, 3814, 3815, 3818, 3837, 3855, 3959, 6134, 6135, 4029}},
    {"is an expression of this type? The server has judged it",
     {4078, 3064, 3065, 1907, 1906, 1904, 1905, 4108, 4097, 3813, 1054, 1907, 3822, 4166}},
    {"does the partitioning fit the table? The server has judged it",
     {6123, 1478, 1481, 1482, 1486, 1488, 1490, 1491, 1492, 1493, 1497, 1502, 1503,
      1505, 1506, 1507, 1508, 1509, 1512, 1515, 1517, 1526, 1654, 1659, 1736}},
    {"more of partitioning, of engines and of ways to do the work",
     {1205, 1845, 1178, 1286, 1030, 1031, 1112, 1113, 1118, 1563, 1564, 1495,
      1911, 1912, 1709, 1214, 3644, 1697, 1731, 1732, 1738, 1748, 1739, 4139}},
    {"do a character set and a collation fit? The server has judged it", {1253, 1115, 1273, 1302}},
};

inline const char* WhyOnlyTheServerRefuses(int server_errno) {
  for (const ServerRefusals& refusals : kServerRefusals) {
    for (int number : refusals.numbers) {
      if (number == server_errno) return refusals.why;
    }
  }
  return nullptr;
}

struct TrackerRefusal {
  std::string_view cause;  // part of the tracker's reason
  const char* why;
};
inline constexpr TrackerRefusal kTrackerRefusals[] = {
    {"a default that takes values of a sequence", "values of sequences are not replicated"},
    {".seq1' doesn't exist", "a sequence is renamed like a table: sequences are not tracked"},
};

inline const char* WhyOnlyTheTrackerRefuses(std::string_view cause) {
  for (const TrackerRefusal& refusal : kTrackerRefusals) {
    if (cause.find(refusal.cause) != std::string_view::npos) return refusal.why;
  }
  return nullptr;
}

// Does MySQL hide the default of a column? `extra`: of information_schema.COLUMNS, in lower case;
// `none`: COLUMN_DEFAULT is NULL. Two cases of one look: a default that followed the clock is gone
// (DROP DEFAULT), but the word stays until the column is changed; an expression that SET DEFAULT
// has given to a column of the primary key counts, but neither the schema nor SHOW CREATE TABLE
// shows it. The tracker says what the statements said, which cannot be compared.
inline bool HidesDefault(bool none, std::string_view extra) {
  return none && extra.find("default_generated") != std::string_view::npos;
}

}  // namespace dm::mysql
