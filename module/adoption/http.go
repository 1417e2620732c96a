package adoption

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"

	openapi "github.com/go-openapi/errors"
	"github.com/weaviate/weaviate/entities/models"
	autherrs "github.com/weaviate/weaviate/usecases/auth/authorization/errors"
)

// maxBody bounds a request's body; it may name many tenants.
const maxBody = 8 << 20

// Handler serves /adoptions beneath a module's root. Weaviate mounts handlers
// of modules with neither authentication nor authorization, so each request is
// authenticated here, and authorized by Service.
func (s *Service) Handler() http.Handler {
	mux := http.NewServeMux()
	handle := func(pattern string, f func(ctx context.Context, p *models.Principal, r *http.Request) (int, any, error)) {
		mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			p, err := s.host.Authenticate(r)
			if err != nil {
				answer(w, statusOf(err, http.StatusUnauthorized), fault(err))
				return
			}
			status, body, err := f(r.Context(), p, r)
			if err != nil {
				status, body = statusOf(err, http.StatusInternalServerError), fault(err)
				if status == http.StatusInternalServerError {
					s.logger.WithError(err).WithField("path", r.URL.Path).Error("latentask: an adoption's request failed")
				}
			}
			answer(w, status, body)
		})
	}
	handle("POST /adoptions", func(ctx context.Context, p *models.Principal, r *http.Request) (int, any, error) {
		var request Request
		if err := decode(r, &request, "collection, vector, rate and tenants"); err != nil {
			return 0, nil, err
		}
		job, existed, err := s.Start(ctx, p, request)
		if existed {
			return http.StatusOK, job, err
		}
		return http.StatusAccepted, job, err
	})
	handle("POST /adoptions/speed", func(ctx context.Context, p *models.Principal, r *http.Request) (int, any, error) {
		var request SpeedRequest
		if err := decode(r, &request, "collection and texts"); err != nil {
			return 0, nil, err
		}
		speed, err := s.Speed(ctx, p, request)
		return http.StatusOK, speed, err
	})
	handle("GET /adoptions", func(ctx context.Context, p *models.Principal, r *http.Request) (int, any, error) {
		shards, err := shardsOf(r)
		if err != nil {
			return 0, nil, err
		}
		jobs, err := s.Jobs(ctx, p, shards)
		return http.StatusOK, map[string]any{"adoptions": jobs}, err
	})
	handle("GET /adoptions/{collection}/{vector}", func(ctx context.Context, p *models.Principal, r *http.Request) (int, any, error) {
		shards, err := shardsOf(r)
		if err != nil {
			return 0, nil, err
		}
		job, err := s.Job(ctx, p, r.PathValue("collection"), r.PathValue("vector"), shards)
		return http.StatusOK, job, err
	})
	handle("DELETE /adoptions/{collection}/{vector}", func(ctx context.Context, p *models.Principal, r *http.Request) (int, any, error) {
		err := s.Stop(ctx, p, r.PathValue("collection"), r.PathValue("vector"))
		return http.StatusNoContent, nil, err
	})
	return mux
}

// maxShards is how many shards of a job are listed where a request does not say:
// a collection may have a hundred thousand tenants.
const maxShards = 1000

// shardsOf is how many shards a request wants listed.
func shardsOf(r *http.Request) (int, error) {
	text := r.URL.Query().Get("shards")
	if text == "" {
		return maxShards, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 0 {
		return 0, problemf(ErrInvalid, "shards is %q, must be a whole number from 0: how many to list at most", text)
	}
	return n, nil
}

// decode reads a request's body, which is one JSON object with some members.
func decode(r *http.Request, into any, members string) error {
	decoder := json.NewDecoder(http.MaxBytesReader(nil, r.Body, maxBody))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		return problemf(ErrInvalid, "the body must be a JSON object with %s: %v", members, err)
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		return problemf(ErrInvalid, "the body has more than one JSON value")
	}
	return nil
}

// statusOf is the HTTP status of an error.
func statusOf(err error, otherwise int) int {
	var coded openapi.Error
	switch {
	case errors.As(err, new(autherrs.Forbidden)):
		return http.StatusForbidden
	case errors.As(err, new(autherrs.Unauthenticated)):
		return http.StatusUnauthorized
	case errors.Is(err, ErrNotFound):
		return http.StatusNotFound
	case errors.Is(err, ErrInvalid):
		return http.StatusUnprocessableEntity
	case errors.Is(err, ErrConflict):
		return http.StatusConflict
	case errors.Is(err, ErrUnavailable):
		return http.StatusServiceUnavailable
	case errors.As(err, &coded) && coded.Code() >= 400 && coded.Code() < 600:
		return int(coded.Code())
	default:
		return otherwise
	}
}

// fault is an error as Weaviate tells it.
func fault(err error) any {
	message := &models.ErrorResponseErrorItems0{Message: err.Error()}
	return &models.ErrorResponse{Error: []*models.ErrorResponseErrorItems0{message}}
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Cache-Control", "no-store")
	if status == http.StatusNoContent {
		w.WriteHeader(status)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	// A client that went away is the only failure, and needs no telling.
	_ = json.NewEncoder(w).Encode(body)
}
