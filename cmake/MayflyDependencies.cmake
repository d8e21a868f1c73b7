# The libraries we stand on, each behind one target name, so that no other file
# knows whether it is the distribution's shared build or our minimal static one.

find_package(Threads REQUIRED)

add_library(mayfly_curl INTERFACE)
add_library(mayfly_simdjson INTERFACE)
add_library(mayfly_zstd INTERFACE)
if(MAYFLY_MINIMAL_LIBRARIES)
  include(MayflyMinimalLibraries)
else()
  find_package(CURL REQUIRED)
  target_link_libraries(mayfly_curl INTERFACE CURL::libcurl)
  find_package(simdjson REQUIRED)
  target_link_libraries(mayfly_simdjson INTERFACE simdjson::simdjson)
  if(NOT MAYFLY_RUNTIME_ONLY)
    find_library(MAYFLY_ZSTD_STATIC libzstd.a REQUIRED)
    target_link_libraries(mayfly_zstd INTERFACE ${MAYFLY_ZSTD_STATIC})
  endif()
endif()

if(NOT MAYFLY_RUNTIME_ONLY)
  find_path(MAYFLY_BOOST_INCLUDE boost/beast.hpp REQUIRED)
  add_library(mayfly_beast INTERFACE)
  target_include_directories(mayfly_beast SYSTEM INTERFACE $<BUILD_INTERFACE:${MAYFLY_BOOST_INCLUDE}>)
  target_compile_definitions(mayfly_beast INTERFACE BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_BOOST_REGEX)
  target_link_libraries(mayfly_beast INTERFACE Threads::Threads)

  # Static in every build: what is tested is what is deployed.
  find_path(MAYFLY_SODIUM_INCLUDE sodium/crypto_hash_sha256.h REQUIRED)
  find_library(MAYFLY_SODIUM_STATIC libsodium.a REQUIRED)
  add_library(mayfly_sodium INTERFACE)
  target_include_directories(mayfly_sodium SYSTEM INTERFACE ${MAYFLY_SODIUM_INCLUDE})
  target_link_libraries(mayfly_sodium INTERFACE ${MAYFLY_SODIUM_STATIC})

  find_path(MAYFLY_ZLIB_INCLUDE zlib.h REQUIRED)
  find_library(MAYFLY_ZLIB_STATIC libz.a REQUIRED)
  add_library(mayfly_zlib INTERFACE)
  target_include_directories(mayfly_zlib SYSTEM INTERFACE ${MAYFLY_ZLIB_INCLUDE})
  target_link_libraries(mayfly_zlib INTERFACE ${MAYFLY_ZLIB_STATIC})

  # For the TLS module alone.
  find_path(MAYFLY_OPENSSL_INCLUDE openssl/ssl.h REQUIRED)
  find_library(MAYFLY_SSL_STATIC libssl.a REQUIRED)
  find_library(MAYFLY_CRYPTO_STATIC libcrypto.a REQUIRED)
  add_library(mayfly_openssl INTERFACE)
  target_include_directories(mayfly_openssl SYSTEM INTERFACE ${MAYFLY_OPENSSL_INCLUDE})
  target_link_libraries(mayfly_openssl INTERFACE ${MAYFLY_SSL_STATIC} ${MAYFLY_CRYPTO_STATIC})

  find_path(MAYFLY_PROTOZERO_INCLUDE protozero/pbf_writer.hpp REQUIRED)
  add_library(mayfly_protozero INTERFACE)
  target_include_directories(mayfly_protozero SYSTEM INTERFACE ${MAYFLY_PROTOZERO_INCLUDE})
endif()

if(MAYFLY_TESTS)
  find_path(MAYFLY_DOCTEST_INCLUDE doctest/doctest.h REQUIRED)
  add_library(mayfly_doctest INTERFACE)
  target_include_directories(mayfly_doctest SYSTEM INTERFACE ${MAYFLY_DOCTEST_INCLUDE})
endif()
