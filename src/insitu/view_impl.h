// view_impl.h - the inside of SnaView: what the object and its back ends share.
#ifndef SNA_VIEW_IMPL_H
#define SNA_VIEW_IMPL_H

#include <sna/insitu.h>

// A back end. Every call is collective and returns an error for programmer errors only; trouble with the view is told by SnaViewGiveUp.
typedef struct {
  const char *name;
  PetscErrorCode (*open)(SnaView view);
  PetscErrorCode (*send)(SnaView view, const SnaFrame *frame);
  PetscErrorCode (*close)(SnaView view);   // after the last frame: waits for the pictures
  PetscErrorCode (*destroy)(SnaView view); // frees view->data, ends what close did not end
} SnaViewOps;

struct SnaView_ {
  MPI_Comm          comm;
  PetscMPIInt       rank, size;
  const SnaViewOps *ops; // NULL: no pictures
  PetscInt          every;
  double            timeout;   // seconds without progress after which the view counts as hanging
  PetscInt          pixels[2]; // width and height of the pictures
  const char       *default_script;
  char              script[PETSC_MAX_PATH_LEN];
  char              program[PETSC_MAX_PATH_LEN]; // sna_view
  char              dir[PETSC_MAX_PATH_LEN], case_name[256];
  PetscBool         open;
  PetscBool         given_up; // on the ranks that use the back end (paraview: rank 0)
  void             *data;     // of the back end
};

extern const SnaViewOps SnaViewOps_ParaView;
extern const SnaViewOps SnaViewOps_Catalyst;

// Tells once why there are no more pictures; later frames are ignored. Not collective, prints where it is called.
PetscErrorCode SnaViewGiveUp(SnaView view, const char format[], ...) PETSC_ATTRIBUTE_FORMAT(2, 3);
// Finds sna_view: the environment variable SNA_VIEW, else beside the running program, else the build tree, else the installed place.
// *found is false when it is in none of them, and program then holds the place to name in the message.
PetscErrorCode SnaViewFindProgram(size_t size, char program[], PetscBool *found);

#endif
