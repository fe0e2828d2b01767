// field_impl.h - what the formats of SnaField share; not part of the public face.
#ifndef SNA_FIELD_IMPL_H
#define SNA_FIELD_IMPL_H

#include <sna/sna.h>

// A format is one such table and a reader in the list of field.c. The functions take what the public ones of the same
// name take, and
//   evaluate  grad is NULL or has at least one entry that is not
//   write     makes one dataset <group>/<direction> for each direction; field.c adds the attributes
//   destroy   frees what `data` holds
typedef struct {
  const char *format;
  PetscErrorCode (*getparametercount)(SnaField, PetscInt *);
  PetscErrorCode (*evaluate)(SnaField, PetscInt, const double *const[], double[], double *const[]);
  PetscErrorCode (*marginal)(SnaField, PetscInt, double[]);
  PetscErrorCode (*write)(SnaField, SnaFile, const char[]);
  PetscErrorCode (*destroy)(SnaField);
} SnaFieldOps;

struct SnaField_ {
  const SnaFieldOps *ops;
  PetscInt           nd;
  SnaBasis           basis[SNA_MAX_DIM]; // borrowed
  SnaBasisInfo       info[SNA_MAX_DIM];
  void              *data;
};

// A field without data.
PetscErrorCode SnaFieldCreate_Private(PetscInt nd, const SnaBasis bases[], const SnaFieldOps *ops, SnaField *f);
// Reads the datasets that write() made; the attributes agree with the bases already. *f NULL and the file's error set
// when they are wrong.
PetscErrorCode SnaFieldRead_CP(SnaFile file, const char group[], PetscInt nd, const SnaBasis bases[], SnaField *f);

#endif
