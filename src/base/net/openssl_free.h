// Objects of OpenSSL in smart pointers. Private to this room.
#pragma once

namespace dm {

// std::unique_ptr<X509, OpensslFree<X509_free>>
template <auto Free>
struct OpensslFree {
  template <class T>
  void operator()(T* p) const {
    Free(p);
  }
};

}  // namespace dm
